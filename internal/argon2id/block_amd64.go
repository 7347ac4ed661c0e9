//go:build amd64 && !purego

package argon2id

import "golang.org/x/sys/cpu"

// fastest returns the AVX2 kernel where the processor and the operating system have it.
func fastest() kernel {
	if cpu.X86.HasAVX2 {
		return wide()
	}
	return portable()
}

func wide() kernel {
	return kernel{
		name: "avx2",
		over: mixer{begin: beginOverAVX2, end: endOverAVX2},
		into: mixer{begin: beginIntoAVX2, end: endIntoAVX2},
	}
}

//go:noescape
func beginOverAVX2(dst, prev, ref, scratch *block)

//go:noescape
func endOverAVX2(dst, prev, ref, scratch, next *block)

//go:noescape
func beginIntoAVX2(dst, prev, ref, scratch *block)

//go:noescape
func endIntoAVX2(dst, prev, ref, scratch, next *block)
