package sheets

import (
	"flag"
	"os"
	"testing"
)

// Property tests run with 20 seeds unless -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		if err := f.Value.Set("20"); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}
