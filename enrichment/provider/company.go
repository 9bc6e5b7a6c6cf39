package provider

import (
	"context"
	"net/url"
	"strings"

	"rowsmith/enrichment"
)

// NewCompany returns the provider "company", which tidies what a row says of a company: its name, its website, its
// domain.
//
// domain is the registrable domain in ASCII, from the cell "domain", then "website", then a work email address
// (never one at a free, relay or throw-away domain). A page on somebody else's site (linkedin.com/company/acme, acme.wordpress.com's
// parent) is not the company's domain. website is the site's address, https unless a port says otherwise, without query and
// fragment; from a bare domain it is https://domain.
//
// company_name is the name without its legal form. Where there is one, company_legal_name is the name with the form in its
// usual writing ("Acme gmbh" → "Acme GmbH") and company_type is the form. The name's own case is left alone: IBM and
// eBay write themselves as they like. Addresses and placeholders in the name's column are no names.
//
// Confidence: domain 0.97 from a domain or website, 0.8 from an address; website 0.95, 0.7 from a domain; company_name 0.95; legal
// form 0.95, 0.7 where something follows it ("Acme GmbH, Werk Süd").
func NewCompany() enrichment.Provider { return companyProvider{} }

type companyProvider struct{}

func (companyProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:    "company",
		Name:  "Company reader",
		Needs: [][]string{{"company_name"}, {"website"}, {"domain"}, {"email"}},
		Gives: []string{"domain", "website", "company_name", "company_legal_name", "company_type"},
		Local: true,
	}
}

func (companyProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	return answerEach(ctx, batch, answerCompany)
}

func answerCompany(s enrichment.Subject) enrichment.Answer {
	f := findings{source: "company"}
	reason := noInput
	note := func(why string) {
		if why != "" && (reason == noInput || reason == notFound) {
			reason = why
		}
	}
	if cell := s["company_name"]; cell != "" {
		n, why := readCompanyName(cell)
		note(why)
		if why == "" {
			f.put("company_name", n.name, 0.95)
			if n.form != "" {
				f.put("company_legal_name", n.whole, n.confidence)
				f.put("company_type", n.form, n.confidence)
			}
		}
	}
	domain, site := "", ""
	if cell := s["website"]; cell != "" {
		u, host, why := readSite(cell)
		note(why)
		if why == "" {
			site = u
			if !sharedSite(host, u) {
				domain = registrable(host)
			} else {
				note("shared_site")
			}
			if known(host) {
				site = "" // a mail service is nobody's website
			}
			f.put("website", site, 0.95)
		}
	}
	if cell := s["domain"]; cell != "" {
		if _, host, why := readSite(cell); why == "" && !sharedSite(host, "/") && !known(host) {
			domain = registrable(host)
		} else {
			note(why)
		}
		if site == "" && domain != "" {
			f.put("website", "https://"+domain, 0.7)
		}
	}
	if domain != "" {
		f.put("domain", domain, 0.97)
	} else if cell := s["email"]; cell != "" {
		a, why, _ := parseAddress(cell)
		if why == "" {
			if kindOf(a).employer() && suggestDomain(a.domain) == "" {
				f.put("domain", registrable(a.domain), 0.8)
			} else {
				why = "personal_address"
			}
		}
		note(why)
	}
	if reason == noInput && (s["company_name"] != "" || s["website"] != "" || s["domain"] != "" || s["email"] != "") {
		reason = notFound
	}
	if reason == "personal_address" || reason == "shared_site" {
		if len(f.values) == 0 {
			return enrichment.Answer{Outcome: enrichment.Miss, Reason: reason}
		}
	}
	return f.answer(reason)
}

// readSite reads a website's or a domain's cell. It returns the site's address in normal form and its host in lower-case
// ASCII, or why it is none.
func readSite(cell string) (site, host, reason string) {
	cell = strings.Trim(tidy(cell), " <>()[]\"',;")
	switch {
	case isBlank(cell):
		return "", "", blankCell
	case len(cell) > maxCell:
		return "", "", badLength
	}
	if i := strings.IndexAny(cell, " ,;|"); i > 0 { // several: the first
		cell = cell[:i]
	}
	cell = strings.TrimRight(cell, ".")
	scheme, rest, ok := strings.Cut(cell, "://")
	if !ok {
		rest, scheme = strings.TrimPrefix(cell, "//"), "https"
		if lower := strings.ToLower(rest); strings.HasPrefix(lower, "http:") || strings.HasPrefix(lower, "https:") {
			scheme, rest, _ = strings.Cut(rest, ":")
			rest = strings.TrimLeft(rest, "/")
		}
	}
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "http", "https":
	case "htp", "htttp", "hhttp", "ttp", "hhttps", "htps", "ttps", "htttps":
		scheme = "https"
	default:
		return "", "", "bad_url"
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Host == "" {
		return "", "", "bad_url"
	}
	if u.User != nil {
		return "", "", "bad_url" // an email address, or worse
	}
	host = strings.TrimRight(u.Hostname(), ".")
	for strings.HasPrefix(strings.ToLower(host), "www.www.") {
		host = host[4:]
	}
	host, reason = hostName(host)
	if reason != "" {
		return "", "", reason
	}
	if registrable(host) == "" {
		return "", "", badSuffix
	}
	port := u.Port()
	if port == "443" || port == "80" || port == "0" || strings.Trim(port, "0123456789") != "" || len(port) > 5 {
		port = ""
	}
	if port == "" {
		scheme = "https"
	} else {
		port = ":" + port
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	return scheme + "://" + host + port + path, host, ""
}

// sharedSite tells whether a page is on a site that many share, so that its domain names none of
// them. The site's own front page is its owner's.
func sharedSite(host, site string) bool {
	if known(host) {
		return true
	}
	d := registrable(host)
	if siteBuilders[d] && host != d && host != "www."+d {
		return true
	}
	if strings.Count(site, "/") < 3 {
		return false
	}
	if sharedSites[d] {
		return true
	}
	name, _, _ := strings.Cut(d, ".")
	return name == "google" || name == "amazon" || name == "ebay" || name == "facebook" || name == "yelp" || name == "blogspot"
}

// sharedSites host other people's pages under a path.
var sharedSites = set(`facebook.com fb.com fb.me linkedin.com lnkd.in instagram.com twitter.com x.com youtube.com youtu.be tiktok.com pinterest.com xing.com threads.net
	linktr.ee about.me medium.com github.com gitlab.com bitbucket.org crunchbase.com goo.gl g.page bit.ly t.me wa.me whatsapp.com vk.com ok.ru etsy.com tripadvisor.com
	booking.com airbnb.com glassdoor.com indeed.com trustpilot.com kununu.com northdata.de northdata.com gelbeseiten.de dasoertliche.de 11880.com wlw.de
	pagesjaunes.fr societe.com herold.at local.ch search.ch paginegialle.it behance.net dribbble.com vimeo.com soundcloud.com patreon.com substack.com notion.site
	meetup.com eventbrite.com wikipedia.org apple.com yellowpages.com opencorporates.com bbb.org clutch.co upwork.com fiverr.com malt.fr malt.de doctolib.de
	doctolib.fr jameda.de`)

// siteBuilders host other people's pages under a name of their own.
var siteBuilders = set(`wordpress.com wix.com wixsite.com jimdo.com jimdosite.com jimdofree.com weebly.com squarespace.com webnode.com webnode.page blogspot.com tumblr.com substack.com
	business.site godaddysites.com webflow.io carrd.co mystrikingly.com strikingly.com site123.me hubspot.com hubspotpagebuilder.com myshopify.com bigcartel.com
	google.com notion.site eventbrite.com zendesk.com freshdesk.com teamtailor.com personio.de personio.com recruitee.com free.fr t-online.de over-blog.com canalblog.com`)
