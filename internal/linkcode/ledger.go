package linkcode

import "time"

// shortBase is how many symbols a short code chooses from.
const shortBase = int64(len(shortSymbols))

// perShortest is how many short codes there are of the shortest kind: 32⁴.
const perShortest = shortBase * shortBase * shortBase * shortBase

// fullAt is how many waiting requests make short codes one symbol longer: one guess then hits with at most 8e-6.
const fullAt = 8

// Length returns how many symbols the next short code has while so many requests wait, at most longest.
func Length(waiting int64, longest int) int {
	length := Shortest
	for room := int64(fullAt); waiting > room && length < longest; room *= shortBase {
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
