// Package playground is the page that `rowsmith dev` shows: a sheet, what can be looked up for it, and a job's
// progress. It talks to the same API as everything else and holds nothing itself.
//
// It refuses to be shown in a frame of another page and runs only its own script.
package playground

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed page
var files embed.FS

// Handler serves the page under / and its files beside it. key is the API key that the page calls with: it
// is served to whoever opens the page, so the program has to see to it that only this machine can.
func Handler(key string) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded at build time
	}
	index := template.Must(template.ParseFS(page, "index.html"))
	static := http.FileServerFS(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		// The page holds a key: no other page may get at it as its opener or by embedding it.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.URL.Path != "/" && r.URL.Path != "" {
			static.ServeHTTP(w, r)
			return
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		if err := index.Execute(w, key); err != nil {
			http.Error(w, "The page can't be shown.", http.StatusInternalServerError)
		}
	})
}
