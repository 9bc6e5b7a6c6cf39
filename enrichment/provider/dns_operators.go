package provider

import "strings"

// mailOperators says by the end of a mail server's name who runs it. The longest end that fits counts. They are the
// names that the operators' set-up pages tell their customers to enter.
var mailOperators = map[string]string{
	"google.com":                  "Google Workspace",
	"googlemail.com":              "Google Workspace",
	"psmtp.com":                   "Google Workspace",
	"mail.protection.outlook.com": "Microsoft 365",
	"mx.microsoft":                "Microsoft 365",
	"protection.office365.us":     "Microsoft 365",
	"partner.outlook.cn":          "Microsoft 365",
	"olc.protection.outlook.com":  "Outlook.com",
	"yahoodns.net":                "Yahoo",
	"mail.icloud.com":             "iCloud",
	"zoho.com":                    "Zoho Mail",
	"zoho.eu":                     "Zoho Mail",
	"zoho.in":                     "Zoho Mail",
	"zoho.com.au":                 "Zoho Mail",
	"zoho.com.cn":                 "Zoho Mail",
	"zoho.jp":                     "Zoho Mail",
	"zohocloud.ca":                "Zoho Mail",
	"protonmail.ch":               "Proton Mail",
	"proton.ch":                   "Proton Mail",
	"yandex.net":                  "Yandex 360",
	"yandex.ru":                   "Yandex 360",
	"mail.ru":                     "Mail.ru",
	"mimecast.com":                "Mimecast",
	"mimecast.co.za":              "Mimecast",
	"mimecast-offshore.com":       "Mimecast",
	"pphosted.com":                "Proofpoint",
	"ppe-hosted.com":              "Proofpoint Essentials",
	"gpphosted.com":               "Proofpoint",
	"barracudanetworks.com":       "Barracuda",
	"iphmx.com":                   "Cisco Secure Email",
	"messagelabs.com":             "Symantec Email Security",
	"trendmicro.com":              "Trend Micro",
	"trendmicro.eu":               "Trend Micro",
	"sophos.com":                  "Sophos Email",
	"reflexion.net":               "Sophos Email",
	"fireeyecloud.com":            "Trellix Email Security",
	"mailcontrol.com":             "Forcepoint",
	"hornetsecurity.com":          "Hornetsecurity",
	"antispameurope.com":          "Hornetsecurity",
	"spamexperts.com":             "SpamExperts",
	"antispamcloud.com":           "SpamExperts",
	"mx25.net":                    "Hornetsecurity",
	"vadesecure.com":              "Vade",
	"mx.cloudflare.net":           "Cloudflare Email Routing",
	"messagingengine.com":         "Fastmail",
	"fastmail.com":                "Fastmail",
	"mailbox.org":                 "mailbox.org",
	"posteo.de":                   "Posteo",
	"tutanota.de":                 "Tuta",
	"tuta.com":                    "Tuta",
	"migadu.com":                  "Migadu",
	"runbox.com":                  "Runbox",
	"hey.com":                     "HEY",
	"emailsrvr.com":               "Rackspace Email",
	"secureserver.net":            "GoDaddy",
	"kundenserver.de":             "IONOS",
	"ionos.com":                   "IONOS",
	"ionos.de":                    "IONOS",
	"1and1.com":                   "IONOS",
	"gmx.net":                     "GMX",
	"web.de":                      "WEB.DE",
	"t-online.de":                 "Telekom",
	"strato.de":                   "STRATO",
	"rzone.de":                    "STRATO",
	"your-server.de":              "Hetzner",
	"ovh.net":                     "OVHcloud",
	"gandi.net":                   "Gandi",
	"infomaniak.ch":               "Infomaniak",
	"hostinger.com":               "Hostinger",
	"titan.email":                 "Titan",
	"privateemail.com":            "Namecheap Private Email",
	"registrar-servers.com":       "Namecheap",
	"dreamhost.com":               "DreamHost",
	"one.com":                     "one.com",
	"simply.com":                  "Simply.com",
	"loopia.se":                   "Loopia",
	"aruba.it":                    "Aruba",
	"register.it":                 "Register.it",
	"home.pl":                     "home.pl",
	"seznam.cz":                   "Seznam",
	"qq.com":                      "Tencent Exmail",
	"qiye.163.com":                "NetEase",
	"netease.com":                 "NetEase",
	"mxhichina.com":               "Alibaba Mail",
	"aliyun.com":                  "Alibaba Mail",
	"feishu.cn":                   "Feishu Mail",
	"larksuite.com":               "Lark Mail",
	"naver.com":                   "Naver",
	"awsapps.com":                 "Amazon WorkMail",
	"sendgrid.net":                "SendGrid",
	"mailgun.org":                 "Mailgun",
	"mtaroutes.com":               "Intermedia",
	"serverdata.net":              "Intermedia",
	"improvmx.com":                "ImprovMX",
	"forwardemail.net":            "Forward Email",
	"simplelogin.co":              "SimpleLogin",
	"transip.email":               "TransIP",
	"hostedemail.com":             "OpenSRS Hosted Email",
	"mxlogin.com":                 "MXroute",
	"mxrouting.net":               "MXroute",
	"inbound.mailchannels.net":    "MailChannels",
	"sakura.ne.jp":                "Sakura Internet",
	"mailhostbox.com":             "Titan",
}

// mailOperator says who runs a domain's mail: an operator that is known by the name of its servers, "Self-hosted" where the
// servers bear the domain's own name, otherwise the servers' domain. The confidence is how sure that is.
func mailOperator(domain string, route mailRoute) (string, float64) {
	for _, host := range route.hosts {
		for end := host; end != ""; {
			if name, ok := mailOperators[end]; ok {
				if name == "Google Workspace" && isGmailsOwn(host) {
					name = "Gmail"
				}
				return name, 0.95
			}
			if strings.HasPrefix(host, "inbound-smtp.") && strings.HasSuffix(host, ".amazonaws.com") {
				return "Amazon SES", 0.95
			}
			_, rest, ok := strings.Cut(end, ".")
			if !ok {
				break
			}
			end = rest
		}
	}
	if len(route.hosts) == 0 {
		return "", 0
	}
	switch owner := registrable(route.hosts[0]); {
	case owner == "":
		return "", 0
	case owner == registrable(domain):
		return "Self-hosted", 0.7
	default:
		return owner, 0.6
	}
}

// isGmailsOwn tells the servers of gmail.com from those that Workspace's customers are sent to: both end alike.
func isGmailsOwn(host string) bool {
	return strings.HasSuffix(host, "gmail-smtp-in.l.google.com")
}
