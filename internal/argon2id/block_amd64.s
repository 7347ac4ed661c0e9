//go:build amd64 && !purego

// The block function G of argon2 (RFC 9106 §3.5) with AVX2. Written for this package from the RFC.
//
// A block is 8 rows of 128 bytes. The row pass holds two whole rows at once, one in Y0-Y3 and one in Y4-Y7. The column pass holds two columns at
// once: Y0-Y7 carry one 32-byte piece of each of the eight rows, a column in each half. Either way there are two independent chains of dependent
// instructions, written alternately. What the rows leave goes to scratch; prev ^ ref is read a second time at the end instead of being kept.

#include "textflag.h"

// Byte shuffles that rotate 64-bit words right by 24 and by 16.
DATA rotate24<>+0x00(SB)/8, $0x0201000706050403
DATA rotate24<>+0x08(SB)/8, $0x0a09080f0e0d0c0b
DATA rotate24<>+0x10(SB)/8, $0x0201000706050403
DATA rotate24<>+0x18(SB)/8, $0x0a09080f0e0d0c0b
GLOBL rotate24<>(SB), RODATA|NOPTR, $32

DATA rotate16<>+0x00(SB)/8, $0x0100070605040302
DATA rotate16<>+0x08(SB)/8, $0x09080f0e0d0c0b0a
DATA rotate16<>+0x10(SB)/8, $0x0100070605040302
DATA rotate16<>+0x18(SB)/8, $0x09080f0e0d0c0b0a
GLOBL rotate16<>(SB), RODATA|NOPTR, $32

// x = x + y + 2·lo(x)·lo(y), in both chains.
#define MULADD(x0, y0, x1, y1) \
	VPMULUDQ y0, x0, Y8; \
	VPMULUDQ y1, x1, Y9; \
	VPADDQ   y0, x0, x0; \
	VPADDQ   y1, x1, x1; \
	VPADDQ   Y8, Y8, Y8; \
	VPADDQ   Y9, Y9, Y9; \
	VPADDQ   Y8, x0, x0; \
	VPADDQ   Y9, x1, x1

// GB of RFC 9106 §3.6 on four words at a time, in both chains.
#define GB(a0, b0, c0, d0, a1, b1, c1, d1) \
	MULADD(a0, b0, a1, b1); \
	VPXOR   a0, d0, d0; \
	VPXOR   a1, d1, d1; \
	VPSHUFD $0xB1, d0, d0; \
	VPSHUFD $0xB1, d1, d1; \
	MULADD(c0, d0, c1, d1); \
	VPXOR   c0, b0, b0; \
	VPXOR   c1, b1, b1; \
	VPSHUFB Y14, b0, b0; \
	VPSHUFB Y14, b1, b1; \
	MULADD(a0, b0, a1, b1); \
	VPXOR   a0, d0, d0; \
	VPXOR   a1, d1, d1; \
	VPSHUFB Y15, d0, d0; \
	VPSHUFB Y15, d1, d1; \
	MULADD(c0, d0, c1, d1); \
	VPXOR   c0, b0, b0; \
	VPXOR   c1, b1, b1; \
	VPADDQ  b0, b0, Y8; \
	VPADDQ  b1, b1, Y9; \
	VPSRLQ  $63, b0, b0; \
	VPSRLQ  $63, b1, b1; \
	VPXOR   Y8, b0, b0; \
	VPXOR   Y9, b1, b1

// P over the two rows at byte offset at. Between the two halves the words are turned so that diagonals stand upright; b, which is ready last, stays
// where it is and a, c and d are turned around it.
#define ROWS(at) \
	VMOVDQU (at+0)(SI), Y0; \
	VMOVDQU (at+32)(SI), Y1; \
	VMOVDQU (at+64)(SI), Y2; \
	VMOVDQU (at+96)(SI), Y3; \
	VMOVDQU (at+128)(SI), Y4; \
	VMOVDQU (at+160)(SI), Y5; \
	VMOVDQU (at+192)(SI), Y6; \
	VMOVDQU (at+224)(SI), Y7; \
	VPXOR   (at+0)(DX), Y0, Y0; \
	VPXOR   (at+32)(DX), Y1, Y1; \
	VPXOR   (at+64)(DX), Y2, Y2; \
	VPXOR   (at+96)(DX), Y3, Y3; \
	VPXOR   (at+128)(DX), Y4, Y4; \
	VPXOR   (at+160)(DX), Y5, Y5; \
	VPXOR   (at+192)(DX), Y6, Y6; \
	VPXOR   (at+224)(DX), Y7, Y7; \
	GB(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7); \
	VPERMQ  $0x93, Y0, Y0; \
	VPERMQ  $0x93, Y4, Y4; \
	VPERMQ  $0x4E, Y3, Y3; \
	VPERMQ  $0x4E, Y7, Y7; \
	VPERMQ  $0x39, Y2, Y2; \
	VPERMQ  $0x39, Y6, Y6; \
	GB(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7); \
	VPERMQ  $0x39, Y0, Y0; \
	VPERMQ  $0x39, Y4, Y4; \
	VPERMQ  $0x4E, Y3, Y3; \
	VPERMQ  $0x4E, Y7, Y7; \
	VPERMQ  $0x93, Y2, Y2; \
	VPERMQ  $0x93, Y6, Y6; \
	VMOVDQU Y0, (at+0)(CX); \
	VMOVDQU Y1, (at+32)(CX); \
	VMOVDQU Y2, (at+64)(CX); \
	VMOVDQU Y3, (at+96)(CX); \
	VMOVDQU Y4, (at+128)(CX); \
	VMOVDQU Y5, (at+160)(CX); \
	VMOVDQU Y6, (at+192)(CX); \
	VMOVDQU Y7, (at+224)(CX)

// P over the two columns at byte offset at. Each half of Y0 and Y1 holds v0 v1 and v2 v3 of its column, Y2 and Y3 the words of b, and so on; turned,
// they are v3 v0 and v1 v2 for a, v9 v10 and v11 v8 for c, and for d the two registers change places, which is only a matter of names.
#define COLUMNS(at) \
	VMOVDQU (at+0)(CX), Y0; \
	VMOVDQU (at+128)(CX), Y1; \
	VMOVDQU (at+256)(CX), Y2; \
	VMOVDQU (at+384)(CX), Y3; \
	VMOVDQU (at+512)(CX), Y4; \
	VMOVDQU (at+640)(CX), Y5; \
	VMOVDQU (at+768)(CX), Y6; \
	VMOVDQU (at+896)(CX), Y7; \
	GB(Y0, Y2, Y4, Y6, Y1, Y3, Y5, Y7); \
	VPALIGNR $8, Y1, Y0, Y10; \
	VPALIGNR $8, Y0, Y1, Y11; \
	VPALIGNR $8, Y4, Y5, Y12; \
	VPALIGNR $8, Y5, Y4, Y13; \
	GB(Y10, Y2, Y12, Y7, Y11, Y3, Y13, Y6); \
	VPALIGNR $8, Y10, Y11, Y0; \
	VPALIGNR $8, Y11, Y10, Y1; \
	VPALIGNR $8, Y13, Y12, Y4; \
	VPALIGNR $8, Y12, Y13, Y5

// XOR a piece of each of the eight rows into what the columns left.
#define FEED(from, at) \
	VPXOR (at+0)(from), Y0, Y0; \
	VPXOR (at+128)(from), Y1, Y1; \
	VPXOR (at+256)(from), Y2, Y2; \
	VPXOR (at+384)(from), Y3, Y3; \
	VPXOR (at+512)(from), Y4, Y4; \
	VPXOR (at+640)(from), Y5, Y5; \
	VPXOR (at+768)(from), Y6, Y6; \
	VPXOR (at+896)(from), Y7, Y7

#define STORE(at) \
	VMOVDQU Y0, (at+0)(DI); \
	VMOVDQU Y1, (at+128)(DI); \
	VMOVDQU Y2, (at+256)(DI); \
	VMOVDQU Y3, (at+384)(DI); \
	VMOVDQU Y4, (at+512)(DI); \
	VMOVDQU Y5, (at+640)(DI); \
	VMOVDQU Y6, (at+768)(DI); \
	VMOVDQU Y7, (at+896)(DI)

#define OVER(at) \
	COLUMNS(at); \
	FEED(SI, at); \
	FEED(DX, at); \
	STORE(at)

#define INTO(at) \
	COLUMNS(at); \
	FEED(SI, at); \
	FEED(DX, at); \
	FEED(DI, at); \
	STORE(at)

#define ARGUMENTS \
	MOVQ    dst+0(FP), DI; \
	MOVQ    prev+8(FP), SI; \
	MOVQ    ref+16(FP), DX; \
	MOVQ    scratch+24(FP), CX; \
	VMOVDQU rotate24<>(SB), Y14; \
	VMOVDQU rotate16<>(SB), Y15

// Ask for four of the sixteen cache lines of the block at AX.
#define PREFETCH(at) \
	PREFETCHT0 (at+0)(AX); \
	PREFETCHT0 (at+64)(AX); \
	PREFETCHT0 (at+128)(AX); \
	PREFETCHT0 (at+192)(AX)

#define PREFETCHBLOCK \
	MOVQ next+32(FP), AX; \
	PREFETCH(0); \
	PREFETCH(256); \
	PREFETCH(512); \
	PREFETCH(768)

// func beginOverAVX2(dst, prev, ref, scratch *block)
TEXT ·beginOverAVX2(SB), NOSPLIT, $0-32
	ARGUMENTS
	ROWS(0)
	ROWS(256)
	ROWS(512)
	ROWS(768)
	OVER(0)
	VZEROUPPER
	RET

// func endOverAVX2(dst, prev, ref, scratch, next *block)
TEXT ·endOverAVX2(SB), NOSPLIT, $0-40
	ARGUMENTS
	PREFETCHBLOCK
	OVER(32)
	OVER(64)
	OVER(96)
	VZEROUPPER
	RET

// func beginIntoAVX2(dst, prev, ref, scratch *block)
TEXT ·beginIntoAVX2(SB), NOSPLIT, $0-32
	ARGUMENTS
	ROWS(0)
	ROWS(256)
	ROWS(512)
	ROWS(768)
	INTO(0)
	VZEROUPPER
	RET

// func endIntoAVX2(dst, prev, ref, scratch, next *block)
TEXT ·endIntoAVX2(SB), NOSPLIT, $0-40
	ARGUMENTS
	PREFETCHBLOCK
	INTO(32)
	INTO(64)
	INTO(96)
	VZEROUPPER
	RET
