// Package making does the durable jobs of videos: it makes them out of uploaded files, and tells shops of those that
// wait for a verdict.
//
// What enters are jobs that vod's store hands out under a lease; what leaves are blobs, and one transaction that ends
// the job and puts the video's lines in place, both or nothing. A process that dies leaves a job that another attempt
// does from the beginning; the blobs of the attempt before are removed first. It refuses to work while live work needs
// the machine, to try for ever, and to try again what the tools refuse. cmd wires it.
package making
