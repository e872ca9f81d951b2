//! By what an error page is known: the structure of what frameworks, languages and databases print, never a word alone.

use regex::bytes::{RegexSet, RegexSetBuilder};
use std::sync::LazyLock;

/// In which answers a sign is looked for. The order matters: each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// In answers that succeed: no sign, only how files of the server begin.
    File,
    /// In any page: the page is a debugger, beyond doubt.
    Page,
    /// In answers with an error status.
    Error,
    /// In answers that say the server failed: there, even the bare name of an exception tells too much.
    Failure,
}

/// One thing an answer may give away.
pub(super) struct Sign {
    /// The rule it belongs to.
    pub(super) rule: &'static str,
    /// What it is, for the operator.
    pub(super) what: &'static str,
    scope: Scope,
    /// `{Q}` stands for a quotation mark, as it is or escaped for HTML or JSON.
    pattern: &'static str,
}

const fn sign(rule: &'static str, scope: Scope, what: &'static str, pattern: &'static str) -> Sign {
    Sign { rule, what, scope, pattern }
}

const QUOTE: &str = r#"(?:\\*["'`]|&quot;|&apos;|&\x230?3[49];|&\x23x2[27];|\\u002[27])"#;

use Scope::{Error, Failure, Page};

/// Every sign; the first that is found names the answer.
pub(super) const SIGNS: &[Sign] = &[
    sign("debug-page", Page, "a Werkzeug debugger", r"<script>\s*var CONSOLE_MODE = (?:true|false),\s*EVALEX = (?:true|false),"),
    sign(
        "debug-page",
        Page,
        "a Django debug page",
        r#"<pre class="exception_value">|<(?:div|header) id="summary">\s*<h1>Page not found <(?:span|small)>\(404\)|because you have <code>DEBUG = True</code>"#,
    ),
    sign(
        "debug-page",
        Page,
        "a Starlette debug page",
        r#"<title>Starlette Debugger</title>|<p class="frame-title">File <span class="frame-filename">"#,
    ),
    sign(
        "debug-page",
        Error,
        "a debug page",
        r"(?x) <h2>\s*(?:Exception|Traceback):?\s*</h2>\s*<pre
        | <title>\ *(?:Action\ Controller:\ Exception\ caught|Whoops!\ There\ was\ an\ error)
        | <H1>Server\ Error\ in\ '[^'<]*'\ Application
        | <pre>\w*Error:\ [^<]*<br>\ *&nbsp;\ *&nbsp;\ *at\ ",
    ),
    sign(
        "python-traceback",
        Error,
        "a Python traceback",
        r"File (?:<[^>]+>)*{Q}[^\x22<\n]+?{Q}(?:</[^>]+>)*, line (?:<[^>]+>)*\d+|Traceback \(most recent call last\):?(?:<[^>]*>|\\n|\s)*File\b",
    ),
    sign("sql-error", Error, "an SQLite error", SQLITE),
    sign("sql-error", Error, "a PostgreSQL error", POSTGRESQL),
    sign("sql-error", Error, "a MySQL or MariaDB error", MYSQL),
    sign("sql-error", Error, "an error of an Oracle or Microsoft database", ORACLE_MICROSOFT),
    sign(
        "sql-error",
        Error,
        "an error of a database library",
        r"\bsqlalchemy\.exc\.|Background on this error at: https?://sqlalche\.me/|\[SQL: |\bdjango\.db\.utils\.|\bpeewee\.[A-Z]\w+Error\b|\bSQLSTATE\[\w{5}\]|\bpymongo\.errors\.",
    ),
    sign(
        "stack-trace",
        Error,
        "a stack trace of the Java or .NET platform",
        r"\bat [\w$.<>/]+\([\w$]+\.(?:java|kt|scala|groovy|clj):\d+\)|\bat [\w.`<>\[\], ]+\([^)\n]*\) in [^\n<]+\.(?:cs|vb|fs):line \d+",
    ),
    sign(
        "stack-trace",
        Error,
        "a stack trace of JavaScript",
        r"\bat (?:[^\n(<]+ \()?(?:file://|node:internal/|/|[A-Z]:\\)[^\n()<]*\.?[cm]?[jt]sx?:\d+:\d+",
    ),
    sign(
        "stack-trace",
        Error,
        "a PHP error",
        r"(?:<b>)?(?:Fatal error|Parse error|Warning|Notice|Deprecated)(?:</b>)?: [^\n]{1,300} in (?:<b>)?[^\s<]+\.php(?:</b>)? on line (?:<b>)?\d|#\d+ [^\s<]+\.php\(\d+\): ",
    ),
    sign(
        "stack-trace",
        Error,
        "a Ruby, Go or Rust error",
        r"\.rb:\d+:in {Q}|\bgoroutine \d+ \[[a-z ]+\]:|\bthread {Q}[^\x22'\n]+{Q}[^\n]{0,20} panicked at ",
    ),
    sign(
        "source-path",
        Error,
        "a path of the server with a line number",
        r"(?:/(?:home|Users|root|usr|var|opt|srv|app|tmp|mnt|data|code|workspace|www)/|/site-packages/|\b[A-Za-z]:\\)[^\s\x22'<>():;,]*\.(?:pyc?|rb|php|[cm]?[jt]sx?|go|rs|java|cs|jinja2?|html)(?::\d+|{Q}?,? (?:on )?line \d+|\(\d+\))",
    ),
    sign("source-path", Error, "a file of the server in an error of the system", r"\[Errno \d+\] [A-Z][^\n:]{1,80}: {Q}?[/A-Z]"),
    sign("secret", Error, "a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    sign(
        "secret",
        Error,
        "a password in an address",
        r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|ldaps?|smtps?)(?:\+\w+)?://[^\s:@/\x22'<>]*:[^\s@/\x22'<>]+@",
    ),
    sign(
        "secret",
        Error,
        "an access key",
        r"\bA(?:KIA|SIA)[A-Z0-9]{16}\b|\bgh[opsur]_[A-Za-z0-9]{36}|\b[sr]k_live_[A-Za-z0-9]{16}|\bxox[abpr]-[A-Za-z0-9-]{20}|\bSECRET_KEY{Q}?\s*[:=]\s*{Q}",
    ),
    sign(
        "python-exception",
        Failure,
        "the name and message of an exception",
        r"(?x) \b(?:Key|Index|Name|Type|Value|Attribute|Assertion|ZeroDivision|Import|ModuleNotFound|FileNotFound|IsADirectory
            |Permission|UnicodeDecode|UnicodeEncode|UnboundLocal|Runtime|Recursion|NotImplemented|Lookup|OS|IO|ConnectionRefused
            |Operational|Integrity|Programming|TemplateSyntax|Undefined|Validation|JSONDecode)Error(?::\ |\(\\*[\x22'&)])
        | \b[a-z_]\w*(?:\.[a-z_]\w*)*\.[A-Z]\w*(?:Error|Exception|DoesNotExist|NotFound)\b(?::\ |\(|{Q}?>)
        | (?:<|&lt;|\\u003c)class\ {Q}[\w.]+(?:Error|Exception){Q}",
    ),
];

const SQLITE: &str = r"(?x) \bsqlite3\.(?:Operational|Integrity|Programming|Database|Interface|Data|Not\w+)Error\b
    | \bnear\ {Q}[^\n]{1,80}?{Q}:\ syntax\ error | \bunrecognized\ token:\ {Q}
    | \bno\ such\ (?:table|column|function|savepoint):\ [\w.]+ | \bUNIQUE\ constraint\ failed:\ \w+\.\w+
    | \bNOT\ NULL\ constraint\ failed:\ \w+\.\w+ | \bYou\ can\ only\ execute\ one\ statement\ at\ a\ time
    | \bSELECTs\ to\ the\ left\ and\ right\ of\ [A-Z\ ]+\ do\ not\ have\ the\ same\ number
    | \bIncorrect\ number\ of\ bindings\ supplied | \btable\ \w+\ has\ \d+\ columns\ but\ \d+\ values\ were\ supplied";

const POSTGRESQL: &str = r"(?x) \bpsycopg2?\.(?:errors\.)?[A-Z]\w+ | \basyncpg\.exceptions\. | \bsyntax\ error\ at\ or\ near\ {Q}
    | \b(?:relation|column|function|operator|schema|type)\ {Q}?[\w.]+{Q}?(?:\([^)\n]*\))?\ does\ not\ exist
    | \bunterminated\ quoted\ (?:string|identifier)\ at\ or\ near | \bviolates\ (?:unique|foreign\ key|check|not-null)\ constraint\b
    | \binvalid\ input\ syntax\ for\ (?:type\ )?\w+:\ {Q} | \beach\ UNION\ query\ must\ have\ the\ same\ number\ of\ columns";

const MYSQL: &str = r"(?x) \bYou\ have\ an\ error\ in\ your\ SQL\ syntax; | \b(?:pymysql|MySQLdb|aiomysql)\.(?:err\.)?[A-Z_]\w+ | \bmysql\.connector\.
    | \bUnknown\ column\ {Q}[^\n]{1,80}?{Q}\ in\ {Q} | \bDuplicate\ entry\ {Q}[^\n]{1,200}?{Q}\ for\ key\ {Q}
    | \bTable\ {Q}[\w.]+{Q}\ doesn{Q}t\ exist | \bThe\ used\ SELECT\ statements\ have\ a\ different\ number\ of\ columns";

const ORACLE_MICROSOFT: &str = r"(?x) \b(?:ORA|PLS)-\d{5}:\ | \bUnclosed\ quotation\ mark\ after\ the\ character\ string\ {Q}
    | \bIncorrect\ syntax\ near\ {Q} | \[Microsoft\]\[[^\]\n]*(?:ODBC|SQL\ Server) | \bInvalid\ (?:object|column)\ name\ {Q}
    | \bConversion\ failed\ when\ converting\ the\ \w+\ value\ {Q}";

static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| build().ok());

fn build() -> Result<RegexSet, regex::Error> {
    let patterns = SIGNS.iter().map(|sign| sign.pattern.replace("{Q}", QUOTE));
    RegexSetBuilder::new(patterns).unicode(false).size_limit(8 << 20).dfa_size_limit(8 << 20).build()
}

/// The first sign that the text shows, of those looked for in such an answer, but for the rules that are allowed.
pub(super) fn find(text: &[u8], scope: Scope, allow: &[String]) -> Option<&'static Sign> {
    let found = SET.as_ref()?.matches(text);
    let looked_for = |sign: &&Sign| sign.scope <= scope && !allow.iter().any(|rule| rule == sign.rule);
    found.iter().filter_map(|index| SIGNS.get(index)).find(looked_for)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_sign_is_a_pattern() {
        super::build().unwrap();
    }
}
