use super::*;
use crate::{
    engine::{Decision, Engine, Moment, Outgoing, ResponseStep, Step},
    exchange::{Connection, Entropy, Received, ResponseHead, Tls},
    policy::Policy,
};
use http::Version;
use std::sync::Arc;

fn engine(policy: &str) -> Engine {
    Engine::new(Arc::new(Policy::parse(policy).unwrap_or_else(|problems| panic!("{problems}"))))
}

fn decide(engine: &Engine, method: Method, target: &'static str, sent: &[(&'static str, &'static str)]) -> Decision {
    let mut headers = map(sent);
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    let target = Bytes::from_static(target.as_bytes());
    let received = Received { method, target, authority: None, version: Version::HTTP_11, headers, has_body: false };
    let connection = Connection::new([127, 0, 0, 1].into(), Some(Arc::new(Tls::default())));
    let moment = Moment { now_ms: 0, entropy: Entropy([7; 24]) };
    match engine.receive(received, connection, moment) {
        Step::Ask(pending) => pending.decide(&[]),
        Step::Respond(outgoing) => Decision::Respond(outgoing),
    }
}

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

/// What leaves when the app answers with these fields.
fn answer(policy: &str, target: &'static str, status: u16, fields: &[(&'static str, &'static str)]) -> Outgoing {
    let engine = engine(policy);
    let Decision::Forward(_, _, exchange) = decide(&engine, Method::GET, target, &[]) else { panic!("not forwarded") };
    let head = ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers: map(fields) };
    match exchange.response(head) {
        ResponseStep::Send(outgoing) => outgoing,
        ResponseStep::Hold(held) => held.body(b"", true),
    }
}

fn lines(outgoing: &Outgoing, name: &str) -> Vec<String> {
    outgoing.head.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

const HTML: (&str, &str) = ("content-type", "text/html");
const CSP: &str = "content-security-policy";

#[test]
fn a_document_gets_the_whole_dress_and_the_server_s_name_goes() {
    let told = [
        HTML,
        ("server", "gunicorn"),
        ("x-powered-by", "Flask"),
        ("x-debug-token", "a"),
        ("x-aspnet-version", "4"),
        ("x-own", "1"),
    ];
    let out = answer("", "/", 200, &told);
    assert_dressed(&out);
    for name in ["server", "x-powered-by", "x-debug-token", "x-aspnet-version"] {
        assert!(lines(&out, name).is_empty(), "{name}");
    }
    assert_eq!(lines(&out, "x-own"), ["1"]);
}

fn assert_dressed(out: &Outgoing) {
    let expected = [
        (
            CSP,
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
             connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; frame-src 'self'; object-src 'none'; \
             base-uri 'self'; form-action 'self'; frame-ancestors 'self'; report-uri /.well-known/gambeson/csp",
        ),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(lines(out, name), [value], "{name}");
    }
    assert!(lines(out, "permissions-policy")[0].contains("camera=(), "));
    assert!(lines(out, "cross-origin-embedder-policy").is_empty());
}

#[test]
fn what_is_no_document_is_spared() {
    for kind in ["image/png", "text/css", "application/json", "font/woff2", "text/javascript; charset=utf-8"] {
        let out = answer("", "/", 200, &[("content-type", kind)]);
        assert!(lines(&out, CSP).is_empty() && lines(&out, "x-content-type-options") == ["nosniff"], "{kind}");
    }
    for kind in ["image/svg+xml", "TEXT/HTML", "application/xml", "application/pdf", "text/plain"] {
        assert_eq!(lines(&answer("", "/", 200, &[("content-type", kind)]), CSP).len(), 1, "{kind}");
    }
    assert_eq!(lines(&answer("", "/", 200, &[]), CSP).len(), 1, "no type");
}

#[test]
fn the_app_s_own_policy_stays_and_its_gaps_are_closed() {
    let app = (CSP, "script-src 'nonce-abc'; base-uri 'none'");
    let out = answer("", "/", 200, &[HTML, app]);
    assert_eq!(lines(&out, CSP), [app.1, "object-src 'none'", "frame-ancestors 'self'"]);
    let whole = (CSP, "default-src 'self'; base-uri 'self'; frame-ancestors https://partner.example");
    assert_eq!(lines(&answer("", "/", 200, &[HTML, whole]), CSP), [whole.1]);
    let replaced = answer("[headers.csp]\nfrom_app = \"replace\"", "/", 200, &[HTML, app]);
    assert!(lines(&replaced, CSP).len() == 1 && lines(&replaced, CSP)[0].starts_with("default-src 'none'"));
    assert_eq!(lines(&answer("[headers.csp]\nfrom_app = \"both\"", "/", 200, &[HTML, app]), CSP).len(), 2);
}

#[test]
fn the_app_s_stricter_fields_stay() {
    let out = answer(
        "",
        "/",
        200,
        &[
            HTML,
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "cross-origin"),
        ],
    );
    assert_eq!(lines(&out, "x-frame-options"), ["DENY"]);
    assert_eq!(lines(&out, CSP)[1], "frame-ancestors 'none'", "browsers would heed frame-ancestors 'self' before DENY");
    assert_eq!(lines(&out, "referrer-policy"), ["no-referrer"]);
    assert_eq!(lines(&out, "cross-origin-resource-policy"), ["cross-origin"]);
    assert_eq!(lines(&answer("", "/", 200, &[HTML, ("x-frame-options", "ALLOWALL")]), "x-frame-options"), ["SAMEORIGIN"]);
}

#[test]
fn framing_by_a_partner_leaves_no_contradiction() {
    let out = answer("[headers.csp]\nframe_ancestors = [\"'self'\", \"https://partner.example\"]", "/", 200, &[HTML]);
    assert!(lines(&out, "x-frame-options").is_empty());
    assert!(lines(&out, CSP)[0].contains("frame-ancestors 'self' https://partner.example"));
    let none = answer("[headers.csp]\nframe_ancestors = [\"'none'\"]", "/", 200, &[HTML]);
    assert_eq!(lines(&none, "x-frame-options"), ["DENY"]);
}

const NONCE_POLICY: &str = "[headers.csp]\nscript_src = [\"'nonce'\", \"'strict-dynamic'\"]";

#[test]
fn a_nonce_is_told_to_the_app_and_the_browser_alike() {
    let engine = engine(NONCE_POLICY);
    let decision = decide(&engine, Method::GET, "/", &[("x-gambeson-nonce", "forged")]);
    let Decision::Forward(permit, _, exchange) = decision else { panic!("not forwarded") };
    let told = exchange.forwarded(&permit).headers["x-gambeson-nonce"].to_str().unwrap().to_owned();
    assert_eq!(told.len(), 22);
    let ResponseStep::Send(out) = exchange.response(ResponseHead { status: StatusCode::OK, headers: map(&[HTML]) }) else {
        panic!()
    };
    assert!(lines(&out, CSP)[0].contains(&format!("script-src 'nonce-{told}' 'strict-dynamic';")));
    assert!(lines(&answer(NONCE_POLICY, "/", 304, &[]), CSP).is_empty(), "a stored body has another nonce");
    assert_eq!(lines(&answer("", "/", 304, &[]), CSP).len(), 1);
}

#[test]
fn hashes_and_routes_hold_their_own() {
    let policy = "[headers.csp]\nscript_hashes = [\"sha256-abc=\"]\nreport = false\n[[route]]\npath = \"/docs/*\"\ncsp = \"script-src  https://cdn.example ; img-src *\"";
    assert!(lines(&answer(policy, "/", 200, &[HTML]), CSP)[0].contains("script-src 'self' 'sha256-abc='; "));
    assert_eq!(lines(&answer(policy, "/docs/a", 200, &[HTML]), CSP), ["script-src https://cdn.example; img-src *"]);
    let fastapi = answer("[app]\nframework = \"fastapi\"", "/docs", 200, &[HTML]);
    assert!(lines(&fastapi, CSP)[0].contains("cdn.jsdelivr.net"));
    let own = answer("[app]\nframework = \"fastapi\"\n[[route]]\npath = \"/docs/*\"\ncsp = \"img-src *\"", "/docs", 200, &[HTML]);
    assert!(lines(&own, CSP)[0].starts_with("img-src *"), "the file's route before the preset's");
}

#[test]
fn slips_in_a_policy_are_found() {
    for (policy, part) in [
        ("[headers.csp]\nscript_src = [\"self\"]", "inner marks"),
        ("[headers.csp]\nscript_src = [\"'self' https://a.example\"]", "each source"),
        ("[headers.csp]\nscript_hashes = [\"md5-abc\"]", "sha256"),
        ("[headers.csp]\ntext = \"scipt-src 'self'\"", "script-src"),
        ("[[route]]\npath = \"/\"\ncsp = \"img-src self\"", "inner marks"),
        ("[headers]\nfeatures = [\"camra\"]", "camera"),
        ("[headers]\nremove = [\"X Backend\"]", "header field"),
    ] {
        let problems = Policy::parse(policy).expect_err(policy).to_string();
        assert!(problems.contains(part), "{policy}: {problems}");
    }
    let open = Policy::parse("[headers.csp]\nscript_src = [\"'self'\", \"'unsafe-inline'\"]").unwrap();
    assert!(open.warnings.to_string().contains("injected scripts"));
}

#[test]
fn report_mode_and_report_only_change_nothing_for_the_page() {
    let out = answer("[headers]\nmode = \"report\"", "/", 200, &[HTML, ("server", "gunicorn")]);
    assert!(lines(&out, CSP).is_empty() && lines(&out, "server") == ["gunicorn"]);
    let only = answer("[headers.csp]\nreport_only = true", "/", 200, &[HTML]);
    assert!(lines(&only, CSP).is_empty() && lines(&only, "content-security-policy-report-only").len() == 1);
    assert_eq!(lines(&only, "x-frame-options"), ["SAMEORIGIN"]);
}

#[test]
fn our_own_page_keeps_its_own_policy() {
    let engine = engine("");
    let Decision::Forward(_, _, exchange) = decide(&engine, Method::GET, "/", &[]) else { panic!("not forwarded") };
    let denial = crate::layers::Denial::new("x", StatusCode::BAD_GATEWAY, "Down.", "down");
    let out = exchange.fail(LayerName::Protocol, denial);
    assert!(lines(&out, CSP).len() == 1 && lines(&out, CSP)[0].contains("style-src 'sha256-"));
    assert_eq!(
        (lines(&out, "x-frame-options"), lines(&out, "referrer-policy")),
        (vec!["DENY".into()], vec!["no-referrer".into()])
    );
}

#[test]
fn reports_are_taken_and_noted() {
    let report = br#"{"csp-report":{"document-uri":"https://localhost/a?b","effective-directive":"script-src-elem","blocked-uri":"inline"}}"#;
    let take = |policy, body: &[u8]| match decide(
        &engine(policy),
        Method::POST,
        ENDPOINT,
        &[("content-type", "application/csp-report")],
    ) {
        Decision::Collect(collecting) => {
            assert_eq!(collecting.bytes_max(), 16 << 10);
            Some(collecting.body(body, true))
        }
        _ => None,
    };
    let out = take("", report).unwrap();
    let noted = out.finish.findings().find(|finding| finding.rule == "csp-violation").unwrap();
    assert_eq!((noted.part.as_str(), noted.value.as_str()), ("script-src-elem on /a", "inline"));
    assert_eq!(out.head.status, StatusCode::NO_CONTENT);
    assert_eq!(take("", b"{").unwrap().head.status, StatusCode::BAD_REQUEST);
    assert!(take("[headers.csp]\nreport = false", report).is_none(), "no endpoint without reports");
    assert!(take("[headers]\nmode = \"off\"", report).is_none());
}
