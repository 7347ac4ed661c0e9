//go:build race

package storetest

// underRace says that every step of the database costs some ten times as much.
const underRace = true
