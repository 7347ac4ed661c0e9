package film

import (
	"encoding/binary"
	"math"
	"time"
)

// cluster is one second of the film: its frames, each a key frame.
type cluster [][]byte

// The ids of elements (RFC 9559 §5).
const (
	idEBML, idDocType, idDocTypeVersion, idDocTypeReadVersion = 0x1A45DFA3, 0x4282, 0x4287, 0x4285

	idSegment                                                  = 0x18538067
	idInfo, idTimestampScale, idDuration, idMuxer, idWriter    = 0x1549A966, 0x2AD7B1, 0x4489, 0x4D80, 0x5741
	idTracks, idTrackEntry, idTrackNumber, idTrackUID          = 0x1654AE6B, 0xAE, 0xD7, 0x73C5
	idTrackType, idCodec, idVideo, idPixelWidth, idPixelHeight = 0x83, 0x86, 0xE0, 0xB0, 0xBA
	idCues, idCuePoint, idCueTime                              = 0x1C53BB6B, 0xBB, 0xB3
	idCueTrackPositions, idCueTrack, idCueClusterPosition      = 0xB7, 0xF7, 0xF1
	idCluster, idTimestamp, idSimpleBlock                      = 0x1F43B675, 0xE7, 0xA3
)

// element is an id, the length of what is in it in eight bytes (RFC 8794 §4), and that.
func element(id uint32, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	e := binary.BigEndian.AppendUint32(nil, id)
	for e[0] == 0 {
		e = e[1:]
	}
	e = binary.BigEndian.AppendUint64(e, 1<<56|uint64(size))
	for _, p := range parts {
		e = append(e, p...)
	}
	return e
}

// number is an element with an unsigned integer, whose length never depends on how large it is.
func number(id uint32, n int) []byte {
	return element(id, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// head is everything before the first cluster of a film that shows the reel again and again.
func head(reel []cluster) []byte {
	info := element(idInfo, number(idTimestampScale, int(time.Millisecond)), element(idDuration, binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(Length.Milliseconds())))),
		element(idMuxer, []byte("usher")), element(idWriter, []byte("usher")))
	tracks := element(idTracks, element(idTrackEntry, number(idTrackNumber, 1), number(idTrackUID, 1), number(idTrackType, 1), element(idCodec, []byte("V_VP8")),
		element(idVideo, number(idPixelWidth, Width), number(idPixelHeight, Height))))
	begin := len(info) + len(tracks)
	where := cues(reel, begin)
	where = cues(reel, begin+len(where)) // their length is known now, and stays
	body := append(append(info, tracks...), where...)
	size := len(body)
	for second := range reels * len(reel) {
		size += len(reel[second%len(reel)].element(second))
	}
	out := element(idEBML, element(idDocType, []byte("webm")), number(idDocTypeVersion, 4), number(idDocTypeReadVersion, 2))
	out = binary.BigEndian.AppendUint32(out, idSegment)
	out = binary.BigEndian.AppendUint64(out, 1<<56|uint64(size))
	return append(out, body...)
}

// cues say where each second begins, so that people can jump.
func cues(reel []cluster, at int) []byte {
	var points [][]byte
	for second := range reels * len(reel) {
		points = append(points, element(idCuePoint, number(idCueTime, second*1000), element(idCueTrackPositions, number(idCueTrack, 1), number(idCueClusterPosition, at))))
		at += len(reel[second%len(reel)].element(second))
	}
	return element(idCues, points...)
}

// element is the cluster as it stands in the film from a second on.
func (c cluster) element(second int) []byte {
	parts := [][]byte{number(idTimestamp, second*1000)}
	for i, frame := range c {
		block := []byte{0x81, 0, 0, 0x80} // track 1, when it is shown, a key frame
		binary.BigEndian.PutUint16(block[1:], uint16(i*1000/len(c)))
		parts = append(parts, element(idSimpleBlock, block, frame))
	}
	return element(idCluster, parts...)
}
