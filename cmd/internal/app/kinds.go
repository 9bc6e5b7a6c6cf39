package app

import (
	"slices"

	"rowsmith/tasks"
	"rowsmith/tasks/credits"
	"rowsmith/tasks/store"
)

// Kinds are all kinds of document that the program keeps, with every query it makes: what a store is opened with, and what
// deploy/firestore.indexes.json is made of.
func Kinds() []store.Kind {
	return slices.Concat(tasks.Kinds(), credits.Kinds(), cacheKinds())
}
