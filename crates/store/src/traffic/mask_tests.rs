use super::super::{Text, recorder::tests::kept};
use super::*;
use proptest::prelude::*;

const ALL: &str = "[intrusion]\nmode = \"off\"\n[csrf]\nmode = \"off\"\n[cookies]\nmode = \"off\"\n[rate_limit]\nmode = \"off\"\n[protocol]\nmode = \"off\"\n\
                   [record]\nrequests = \"all\"\nbodies = true\nbody = \"64KiB\"\n";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=B";

fn masked(target: &str, fields: &[(&'static str, &str)], body: &str) -> Request {
    mask(kept(ALL, target, fields, body.as_bytes()))
}

/// What is written of a body of a type.
fn body(kind: &str, sent: &str) -> Option<String> {
    let request = masked("/", &[("content-type", kind)], sent);
    match request.body?.text? {
        Text::Plain(text) => Some(text),
        Text::Base64 { .. } => panic!("no text"),
    }
}

#[test]
fn secrets_give_way_wherever_they_stand() {
    const SECRET: &str = "hunter2-S3CRET-a8Fh29dkQzLw02";
    let targets = [
        format!("/login?password={SECRET}&a=b"),
        format!("/reset/{SECRET}"),
        format!("/reset/{}", SECRET.replace('-', "%2D")),
        format!("/?%70assword={SECRET}"),
        format!("/?{SECRET}"),
        format!("/?{SECRET}=1"),
        format!("/?a=1;token={SECRET}"),
        format!("https://bob:{SECRET}@localhost/a"),
        format!("https://localhost/a?token={SECRET}"),
        format!("/?note=the+password:+{SECRET}+is+new"),
        "/token/4S3CRET".to_owned(),
        "/share/key/4S3CRET/edit".to_owned(),
    ];
    for target in targets {
        let request = masked(&target, &[], "");
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains("S3CRET") && !request.masked.is_empty(), "{line}");
    }
    let fields = [
        ("cookie", format!("a={SECRET}; b={SECRET}; {SECRET}")),
        ("authorization", format!("Bearer {SECRET}")),
        ("authorization", SECRET.to_owned()),
        ("x-api-key", SECRET.to_owned()),
        ("x-session", SECRET.to_owned()),
        ("x-request-id", SECRET.to_owned()),
        ("x-odd", format!("Basic {SECRET}")),
        ("referer", format!("https://localhost/reset/{SECRET}?token={SECRET}#key={SECRET}")),
        ("referer", format!("https://bob:{SECRET}@localhost/")),
        ("referer", format!("/{SECRET}")),
        ("x-forwarded-host", format!("bob:{SECRET}@localhost")),
    ];
    // One with a word for a secret, which nothing but its place tells.
    let fields = fields.into_iter().chain([("referer", "https://bob:S3CRET@localhost/".to_owned())]);
    for (name, value) in fields {
        let request = masked("/", &[(name, &value)], "");
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains("S3CRET") && !request.masked.is_empty(), "{line}");
    }
    let bodies = [
        (FORM, format!("user=bob&password={SECRET}")),
        (FORM, format!("%70assword={SECRET}")),
        (FORM, format!("text=my+token%3D{SECRET}")),
        (JSON, format!(r#"{{"user":"bob","password":"{SECRET}"}}"#)),
        (JSON, format!(r#"{{"p\u0061ssword":"{SECRET}"}}"#)),
        (JSON, format!(r#"{{"credentials":{{"a":["{SECRET}",{{"b":"{SECRET}"}}]}}}}"#)),
        (JSON, format!(r#"{{"password":{{"a":1,"b":"{SECRET}"}},"c":2}}"#)),
        (JSON, format!(r#"{{"a":"{{\"password\":\"{SECRET}\"}}"}}"#)),
        (JSON, format!(r#"["{SECRET}"]"#)),
        (JSON, r#"{"query":"mutation { login(password: \"S3CRET horse S3CRET\") { token } }"}"#.to_owned()),
        (JSON, r#"{"a":"{\"b\":\"{\\\"password\\\":\\\"S3CRET\\\"}\"}"}"#.to_owned()),
        (JSON, r#"[{"name":"password","value":"S3CRET"},{"name":"x","value":"y"}]"#.to_owned()),
        (FORM, "next=%2Flogin%3Fpassword%253DS3CRET".to_owned()),
        (JSON, format!(r#"{{"{SECRET}":1}}"#)),
        (MULTIPART, format!("--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{SECRET}\r\n--B--\r\n")),
        (MULTIPART, format!("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n{SECRET}\r\n--B--\r\n")),
    ];
    for (kind, sent) in bodies {
        let request = masked("/", &[("content-type", kind)], &sent);
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains("S3CRET"), "{line}");
        assert!(!request.masked.is_empty() && request.body.unwrap().text.is_some(), "{line}");
    }
}

#[test]
fn what_cannot_be_told_is_not_recorded() {
    let odd = [
        ("text/plain", "password hunter2"),
        ("application/xml", "<password>hunter2</password>"),
        ("", "password=hunter2"),
        (FORM, "{\"password\":\"hunter2\"}"),
        (JSON, "password=hunter2"),
        (JSON, "{'password': 'hunter2'}"),
        (JSON, "{\"password\": hunter2}"),
        (JSON, "\"password\":\"hunter2\""),
        (JSON, "[\"password\":\"hunter2\"]"),
        (JSON, "{\"password\" \"hunter2\"}"),
        (JSON, "{\"a\":1}{\"password\":\"hunter2\"}"),
        (JSON, "{\"a\":1]"),
        (MULTIPART, "password=hunter2"),
        (MULTIPART, "--B\r\nContent-Disposition: form-data; name=password\r\n\r\nhunter2\r\n--B--\r\n"),
        (MULTIPART, "--B\r\nContent-Disposition: form-data; name=\"a\"; name=\"password\"\r\n\r\nhunter2\r\n--B--\r\n"),
        (MULTIPART, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--B--\r\npassword=hunter2"),
    ];
    for (kind, sent) in odd {
        assert_eq!(body(kind, sent), None, "{kind} {sent}");
    }
}

#[test]
fn what_is_no_secret_stays_byte_for_byte() {
    for (kind, sent) in [
        (FORM, "q=%27%20OR%201=1--&q=2&&a;b=%zz&=x"),
        (JSON, " {\"a\": \"' OR 1=1--\", \"a\" :[1, -2.5e3 ,true,null, {}],\"\\u0062\":\"\\ud800\"}\n"),
        (JSON, "[]"),
        (MULTIPART, "--B\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n' OR 1=1--\r\n--B--\r\n"),
    ] {
        assert_eq!(body(kind, sent).as_deref(), Some(sent));
    }
    let target = "/a//b/%2e%2E/;c?q=%27%20union+select&&x";
    let request = masked(target, &[("user-agent", "sqlmap/1.0"), ("x-note", "' OR 1=1--")], "");
    assert_eq!((request.target, request.masked.len()), (Text::Plain(target.into()), 0));
}

#[test]
fn words_with_the_same_letters_stay() {
    let sent = "keyword=python&author=alice&monkey=7&country_code=de&shipping=fast";
    let request = masked(&format!("/?{sent}"), &[("content-type", FORM)], sent);
    assert_eq!((request.target, request.masked.len()), (Text::Plain(format!("/?{sent}")), 0));
    assert_eq!(request.body.unwrap().text, Some(Text::Plain(sent.into())));
}

#[test]
fn what_was_found_names_no_secret() {
    let policy = ALL.replacen("[intrusion]\nmode = \"off\"\n", "", 1);
    let target = "/?a8Fh29dkQzLw02mXpR7tS3CRET=1'%20UNION%20SELECT%20a,b%20FROM%20users--";
    let line = serde_json::to_string(&mask(kept(&policy, target, &[], b""))).unwrap();
    assert!(!line.contains("S3CRET"), "{line}");
}

#[test]
fn the_class_of_a_length_stays_and_the_names_are_told() {
    assert_eq!(["a", "12345678", "123456789", &"x".repeat(5000)].map(|text| blank(text.len()).len()), [8, 8, 16, 1024]);
    let request =
        masked("/?page=2&token=abc", &[("cookie", "sid=1; theme=dark"), ("content-type", JSON)], r#"{"u":{"pin":1234}}"#);
    assert_eq!(request.masked, ["query token", "cookie sid", "cookie theme", "json u.pin"]);
    assert_eq!(request.target, Text::Plain("/?page=2&token=xxxxxxxx".into()));
    assert_eq!(request.body.unwrap().text, Some(Text::Plain(r#"{"u":{"pin":0}}"#.into())));
}

#[test]
fn of_a_cut_body_only_what_is_whole_is_written() {
    let cut = |kind: &str, sent: &str| {
        let policy = ALL.replace("\"64KiB\"", &sent.len().to_string());
        let request = mask(kept(&policy, "/", &[("content-type", kind)], format!("{sent}MORE").as_bytes()));
        let body = request.body.unwrap();
        assert!(!body.whole && body.bytes == sent.len() as u64 + 4);
        body.text.map(|text| String::from_utf8(text.bytes().unwrap()).unwrap())
    };
    assert_eq!(cut(FORM, "a=1&pass").as_deref(), Some("a=1"));
    assert_eq!(cut(JSON, r#"{"a":1,"b":"eyJ"#).as_deref(), Some(r#"{"a":1,"b":"#));
    assert_eq!(cut(JSON, r#"{"a":1,"pin":12"#).as_deref(), Some(r#"{"a":1,"pin":"#));
    assert_eq!(cut(JSON, "{'a': hunter2"), None);
    let whole = "--B\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nv";
    assert_eq!(cut(MULTIPART, &format!("{whole}\r\n--B\r\nContent-Dis")).as_deref(), Some(whole));
}

proptest! {
    #[test]
    fn no_planted_secret_passes_in_any_document(
        before in "[{}\\[\\]\",:a-z0-9 \\\\&=;%-]{0,40}",
        after in "[{}\\[\\]\",:a-z0-9 \\\\&=;%-]{0,40}",
        kind in prop::sample::select(vec![FORM, JSON, MULTIPART]),
        shape in 0..3,
    ) {
        // Neither long nor odd: nothing but its name tells that it is a secret.
        const SECRET: &str = "hunter2";
        let pair = match shape {
            0 => format!("password={SECRET}"),
            1 => format!("\"password\":\"{SECRET}\""),
            _ => format!("\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{SECRET}"),
        };
        let sent = format!("{before}{pair}{after}");
        for cut in [false, true] {
            let mut named = Masked::new();
            let written = body::mask(kind.as_bytes(), sent.as_bytes(), cut, &mut named).unwrap_or_default();
            let shown = format!("{} {named:?}", String::from_utf8_lossy(&written));
            prop_assert!(!shown.contains("hunter2"), "{} {}", sent, shown);
        }
    }

    #[test]
    fn no_planted_value_passes_wherever_it_stands(
        secret in prop_oneof![
            "AKIA[A-Z0-9]{15}[0-9]",
            "ghp_[A-Za-z0-9]{35}[0-9]",
            "[A-Z]{3}[a-z]{3}[0-9]{3}[A-Za-z0-9]{20}",
            "[a-f]{2}[0-9]{2}[0-9a-f]{30}",
            "eyJ[a-zA-Z0-9]{12}\\.[a-zA-Z0-9]{12}\\.[a-zA-Z0-9]{12}",
        ],
        around in "[a-z ,;.'<>]{0,12}[ ,;'<>]",
        place in 0..7,
    ) {
        let text = format!("{around}{secret}{}", around.chars().rev().collect::<String>());
        let coded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let json = serde_json::to_string(&text).unwrap();
        let (target, fields, body): (String, Vec<(&'static str, &str)>, String) = match place {
            0 => (format!("/?q={coded}"), vec![], String::new()),
            1 => (format!("/a/{secret}/b"), vec![], String::new()),
            2 => ("/".into(), vec![("x-note", &text)], String::new()),
            3 => ("/".into(), vec![("content-type", FORM)], format!("a=b&q={coded}")),
            4 => ("/".into(), vec![("content-type", JSON)], format!("{{\"a\":[{{\"b\":{json}}}]}}")),
            5 => ("/".into(), vec![("content-type", JSON)], format!("{{{json}:1}}")),
            _ => {
                let body = format!("--B\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n{text}\r\n--B--\r\n");
                ("/".into(), vec![("content-type", MULTIPART)], body)
            }
        };
        let line = serde_json::to_string(&masked(&target, &fields, &body)).unwrap();
        prop_assert!(!line.contains(&secret), "{} {}", secret, line);
    }

    #[test]
    fn hostile_bytes_do_no_harm(sent in prop::collection::vec(any::<u8>(), 0..200), cut in any::<bool>()) {
        for kind in [FORM, JSON, MULTIPART] {
            let _unharmed = body::mask(kind.as_bytes(), &sent, cut, &mut Masked::new());
        }
    }
}
