package linkcode

import "time"

// shortBase is how many symbols a short code chooses from.
const shortBase = int64(len(shortSymbols))

// perShortest is how many short codes there are of the shortest kind: 32⁴.
const perShortest = shortBase * shortBase * shortBase * shortBase

// fullAt is how many waiting codes of the shortest kind make the next one a symbol longer: one guess then hits with at most 8e-6. Of each longer kind
// there may be 32 times as many.
const fullAt = 8

// Crowd is how many requests wait, by how many symbols their short codes have. At zero stand those of a program that did not write it down.
type Crowd [Longest + 1]int64

// All is how many wait in all.
func (c Crowd) All() (n int64) {
	for _, some := range c {
		n += some
	}
	return n
}

// Of is how many a guess of so many symbols can hit.
func (c Crowd) Of(length int) int64 {
	if length < Shortest || length > Longest {
		return c[0]
	}
	return c[0] + c[length]
}

// Length returns how many symbols the next short code has, at most longest: as few as there is room for.
func (c Crowd) Length(longest int) int {
	length := Shortest
	for room := int64(fullAt); c.Of(length) > room && length < longest; room *= shortBase {
		length++
	}
	return length
}

// riskUnit is what risks are counted in: so many of them are certainty.
const riskUnit = int64(1_000_000_000_000)

// MostRisk is how likely all the guesses of a day, taken together, may be to hit a request of another network: 1e-4. Once it is reached, short
// codes are found from their own network only.
const MostRisk = riskUnit / 10_000

// Risk is how likely a random code of so many symbols hits one of those waiting, in parts of 1e12, rounded up.
func Risk(waiting int64, length int) int64 {
	space := perShortest
	for range length - Shortest {
		space *= shortBase
	}
	if waiting >= space {
		return riskUnit
	}
	return (waiting*(riskUnit/1000)+space-1)/space*1000 + 1 // the product stays below 2⁶³ up to nine million waiting
}

// Day names the day of the ledger that a moment belongs to: days since 1970, UTC.
func Day(at time.Time) int64 { return at.Unix() / int64(24*time.Hour/time.Second) }
