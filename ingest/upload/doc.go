// Package upload takes files that people send: short videos, stories and pictures, in pieces, over connections that break.
//
// What enters is the tus protocol (1.0, spoken by tusd): POST makes an upload, PATCH appends, HEAD tells where to go on,
// DELETE gives up. What leaves are whole files in a folder, handed to a Taker once each, also when the process died in
// between. It refuses who may not, what is too large or too many, what by its first bytes is no video and no picture,
// and anything while the disk is nearly full; what nobody finishes is removed after a day. It decodes nothing.
// cmd puts it before the API and introduces the Door and the Taker.
package upload
