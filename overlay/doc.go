// Package overlay is what lies on top of the picture: pins, the bag, the scene, and the feed that carries their
// changes to everybody who watches.
//
// What enters are a creator's commands (Service), stock facts of shops (Forwarder) and viewers' connections
// (Feed). What leaves are facts, appended to the outbox in the transaction that makes them true, and frames on
// the wire. A pin belongs to a frame: it carries media time, and a scene is the fold of all changes up to one.
// The package refuses media times that the creator cannot have seen, products of another shop, and readers that
// cannot keep up. It knows no video: streaming's clock reaches it through mediatime.Clock. api calls the
// service, cmd mounts the feed and runs both; overlaysql keeps the rows.
package overlay
