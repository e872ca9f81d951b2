//! Requests that look around (CWE-200): tools that name themselves, files that lie about by mistake, names that call back.

use crate::{
    finding::{Judging, Rule, Text, Where},
    marks::Marks,
};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 200, about }
}

const AGENT: Rule = rule("scanner.agent", 7, "a security scanner that names itself");
const FILE: Rule = rule("scanner.file", 7, "a file that holds secrets or sources and should lie nowhere");
const PRODUCT: Rule = rule("scanner.product", 6, "a page of a product that is no Python app");
const FOREIGN: Rule = rule("scanner.extension", 4, "the extension of another language");
const CALLBACK: Rule = rule("scanner.callback", 6, "a name by which scanners learn that something called back");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[AGENT, FILE, PRODUCT, FOREIGN, CALLBACK];

/// A path, or a name with dots; tools that name themselves may be one word.
pub(crate) const NEEDS: Marks = Marks::DOT.or(Marks::SLASH).or(Marks::SPACE);

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    let end = value.len();
    if text.marks.any(Marks::DOT) && judging.spend(end) && calls_back(value) {
        judging.found(&CALLBACK, text, 0..end);
    }
    match text.place {
        Where::Agent if judging.spend(end.min(512)) && is_tool(value) => judging.found(&AGENT, text, 0..end),
        Where::Path => {
            if let Some(rule) = path(value) {
                judging.found(rule, text, 0..end);
            }
        }
        _ => {}
    }
}

/// Domains that report every look-up.
fn calls_back(value: &[u8]) -> bool {
    const DOMAINS: &[&[u8]] = &[
        b".burpcollaborator.net",
        b".oastify.com",
        b".oast.",
        b".interact.sh",
        b".interactsh.com",
        b".dnslog.cn",
        b".ceye.io",
        b".bxss.me",
        b".xss.ht",
        b".canarytokens.com",
        b".requestrepo.com",
        b".pingb.in",
        b".r87.me",
        b".ezxss.com",
    ];
    // One scan for the dots, then the names: prose has few of them.
    let mut at = 0;
    while let Some(found) = value.get(at..).and_then(|rest| memchr::memchr(b'.', rest)) {
        let rest = value.get(at + found..).unwrap_or_default();
        let fits = rest.get(1).is_some_and(|b| b"boidcxrpeBOIDCXRPE".contains(b));
        if fits && DOMAINS.iter().any(|d| rest.get(..d.len()).is_some_and(|head| head.eq_ignore_ascii_case(d))) {
            return true;
        }
        at += found + 1;
    }
    false
}

/// Tools by the names they give themselves.
fn is_tool(agent: &[u8]) -> bool {
    static KNOWN: LazyLock<Words> = LazyLock::new(|| Words::new(TOOLS));
    const TOOLS: &[&[u8]] = &[
        b"sqlmap",
        b"nikto",
        b"nuclei",
        b"acunetix",
        b"nessus",
        b"openvas",
        b"wpscan",
        b"dirbuster",
        b"gobuster",
        b"fuzz faster",
        b"masscan",
        b"zgrab",
        b"nmap scripting",
        b"w3af",
        b"arachni",
        b"havij",
        b"jaeles",
        b"netsparker",
        b"invicti",
        b"commix",
        b"xsser",
        b"dalfox",
        b"feroxbuster",
        b"projectdiscovery",
        b".nasl",
        b"whatweb",
        b"skipfish",
        b"wfuzz",
        b"joomscan",
        b"vega/",
        b"zmeu",
        b"muieblackcat",
        b"morfeus",
        b"l9explore",
        b"l9tcpid",
        b"cgichk",
        b"dirb/",
        b"appscan",
        b"burpsuite",
        b"burp collaborator",
        b"owasp zap",
        b"qualys",
        b"paros",
        b"httprint",
        b"jorgee",
        b"libredtail",
        b"xfa1",
        b"censysinspect",
        b"gospider",
        b"tplmap",
        b"jndi:",
        b"ffuf",
    ];
    KNOWN.are_in(agent.get(..512).unwrap_or(agent))
}

/// Words to look for, all at once and in any case.
struct Words(Option<AhoCorasick>);

impl Words {
    fn new(words: &[&[u8]]) -> Self {
        Self(AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok())
    }

    fn are_in(&self, text: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|words| words.is_match(text))
    }
}

/// What a path asks for.
fn path(value: &[u8]) -> Option<&'static Rule> {
    let value = value.get(..value.len().min(512))?;
    let lower = value.get(..memchr::memchr2(b'?', b'#', value).unwrap_or(value.len()))?.to_ascii_lowercase();
    let mut parts = lower.split(|b| *b == b'/').filter(|part| !part.is_empty());
    if parts.clone().any(is_secret) || is_dump(parts.clone().next_back().unwrap_or_default()) {
        return Some(&FILE);
    }
    if parts.any(is_product) || has_product(&lower) {
        return Some(&PRODUCT);
    }
    let name = lower.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let extension = memchr::memrchr(b'.', name).and_then(|at| name.get(at + 1..)).unwrap_or_default();
    matches!(
        extension,
        b"php"
            | b"php5"
            | b"phtml"
            | b"asp"
            | b"aspx"
            | b"ashx"
            | b"asmx"
            | b"jsp"
            | b"jspx"
            | b"do"
            | b"cgi"
            | b"cfm"
            | b"pl"
            | b"action"
    )
    .then_some(&FOREIGN)
}

/// Folders and files of version control, deployment and editors.
fn is_secret(part: &[u8]) -> bool {
    part.starts_with(b".env")
        || matches!(
            part,
            b".git"
                | b".svn"
                | b".hg"
                | b".bzr"
                | b".ds_store"
                | b".aws"
                | b".ssh"
                | b".htpasswd"
                | b".htaccess"
                | b".npmrc"
                | b".pypirc"
                | b".netrc"
                | b".docker"
                | b".kube"
                | b".vscode"
                | b".idea"
                | b".bash_history"
                | b".gitlab-ci.yml"
                | b".git-credentials"
                | b".gitconfig"
                | b".dockercfg"
                | b".config.php.swp"
                | b"docker-compose.yml"
                | b"docker-compose.yaml"
                | b"dockerfile"
                | b"local_settings.py"
                | b"settings.py"
                | b"db.sqlite3"
                | b"id_rsa"
                | b"wp-config.php"
                | b"web.config"
                | b"appsettings.json"
                | b"credentials.json"
                | b"secrets.yml"
                | b"secrets.json"
                | b"phpinfo.php"
                | b"web-inf"
                | b"sftp-config.json"
                | b".travis.yml"
        )
}

/// Dumps and copies that lie beside the app.
fn is_dump(name: &[u8]) -> bool {
    let stem = name.get(..memchr::memchr(b'.', name).unwrap_or(name.len())).unwrap_or_default();
    let known = matches!(
        stem,
        b"backup" | b"dump" | b"db" | b"database" | b"site" | b"www" | b"mysql" | b"sql" | b"data" | b"wwwroot" | b"website"
    );
    let kind = [&b".sql"[..], b".sql.gz", b".bak", b".old", b".tar.gz", b".zip", b".rar", b".7z", b".sqlite", b".sqlite3"]
        .iter()
        .any(|e| name.ends_with(e));
    let source = [&b".py.bak"[..], b".py~", b".py.swp", b".php.bak", b".php~", b".py.old", b".pyc", b".conf.bak"]
        .iter()
        .any(|e| name.ends_with(e));
    (known && kind) || source
}

/// Products scanners ask every server for.
fn is_product(part: &[u8]) -> bool {
    matches!(
        part,
        b"wp-login.php"
            | b"wp-admin"
            | b"wp-content"
            | b"wp-includes"
            | b"wp-json"
            | b"xmlrpc.php"
            | b"phpmyadmin"
            | b"pma"
            | b"myadmin"
            | b"cgi-bin"
            | b"phpunit"
            | b"boaform"
            | b"hnap1"
            | b"_ignition"
            | b"owa"
            | b"ecp"
            | b"autodiscover"
            | b"server-status"
            | b"server-info"
            | b"jmx-console"
            | b"web-console"
            | b"struts"
            | b"telescope"
            | b"adminer.php"
            | b"adminer"
            | b"eval-stdin.php"
            | b"shell.php"
            | b"webdav"
            | b"cpanel"
            | b"whm"
            | b"wlwmanifest.xml"
            | b"manager"
            | b"invoker"
            | b"axis2"
            | b"solr"
            | b"geoserver"
    )
}

/// Products whose pages have plain names: their whole paths.
fn has_product(lower: &[u8]) -> bool {
    const PATHS: &[&[u8]] = &[
        b"/actuator/env",
        b"/actuator/heapdump",
        b"/actuator/gateway",
        b"/remote/fgt_lang",
        b"/dana-na/",
        b"/vpn/../",
        b"/setup.cgi",
        b"/debug/default/view",
        b"/_profiler/",
        b"/currentsetting.htm",
        b"/api/jsonws",
        b"/portal/redlion",
        b"/sdk/vimservice",
    ];
    static KNOWN: LazyLock<Words> = LazyLock::new(|| Words::new(PATHS));
    KNOWN.are_in(lower)
}
