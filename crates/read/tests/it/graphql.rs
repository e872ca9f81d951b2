//! GraphQL and paths.

use crate::kit::{Told, small, told};
use gambeson_read::{Bound, Budget, Fault, GraphqlJson, GraphqlShape, Limits, Note, Out, Reader, Stop, read_graphql, read_path};

fn graphql(document: &str, limits: &Limits) -> (Told, Result<GraphqlShape, Stop>) {
    let (mut told, mut budget) = (Told::default(), Budget::new(100_000));
    let done = read_graphql(document.as_bytes(), limits, &mut Out { sink: &mut told, budget: &mut budget });
    (told, done)
}

#[test]
fn strings_are_values_and_shapes_are_counted() {
    let document = "query Q($i: ID = \"d\") { # \"no string\n me: user(id: \"1\\u0027\", in: [{k: \"\"\"b\\\"\"\" \"l\"\"\"}]) @skip(if: false) { name ...F ... on T @a { x } } }";
    let (told, done) = graphql(document, &Limits::default());
    assert_eq!(told.lines, ["Graphql ID=d", "Graphql id=1\\'", "Graphql k=b\\\"\\\"\\\" \\\"l"]);
    assert_eq!(done, Ok(GraphqlShape { depth: 3, fields: 3, aliases: 1, directives: 2 }));
}

#[test]
fn escapes_are_undone() {
    let (told, _) = graphql(r#"{a(b:"\u0041\/\n\ud83d\ude00\ud83d\u{1F600}")}"#, &Limits::default());
    assert_eq!(told.lines, [r"Graphql b=A/\n\xf0\x9f\x98\x80\xef\xbf\xbd\xf0\x9f\x98\x80"]);
}

#[test]
fn what_is_not_graphql_is_said_to_be_none() {
    for document in
        ["{", "}", "{(})", "{a(b:\"x)}", "{a(b:\"\n\")}", "{a(b:\"\\x\")}", "{a(b:\"\\u{110000000}\")}", "{?}", "{a(b:\"\"\"x)}"]
    {
        assert_eq!(graphql(document, &Limits::default()).1, Err(Stop::Fault(Fault::GraphqlSyntax)), "{document}");
    }
    assert_eq!(graphql("{a{a{a{a{a}}}}}", &small()).1, Err(Stop::Bound(Bound::Depth)));
    assert_eq!(graphql("{a(a:[\"\",\"\",\"\",\"\",\"\",\"\"])}", &small()).1, Err(Stop::Bound(Bound::Fields)));
}

#[test]
fn a_body_carries_documents_and_variables() {
    let body = br#"[{"query":"{a(b:\"x\")}","variables":{"v":["w"]}},{"query":"{c:a d:a}","operationName":"o"}]"#;
    let (told, done) = told(GraphqlJson::new(&Limits::default()), body, &[5]);
    let mut lines = told.lines;
    lines.sort();
    let expected = [
        "Graphql 0.variables.v.0=w",
        "Graphql b=x",
        r#"Json 0.query={a(b:\"x\")}"#,
        "Json 1.operationName=o",
        "Json 1.query={c:a d:a}",
    ];
    assert_eq!((lines, done), (expected.map(str::to_owned).to_vec(), Ok(())));

    let (mut sink, mut budget) = (Told::default(), Budget::new(100_000));
    let mut reader = GraphqlJson::new(&Limits::default());
    let mut out = Out { sink: &mut sink, budget: &mut budget };
    reader.feed(body, &mut out).and_then(|()| reader.finish(&mut out)).unwrap();
    assert_eq!(reader.shape(), GraphqlShape { depth: 1, fields: 3, aliases: 2, directives: 0 });
}

#[test]
fn segments_are_values() {
    let path = |path: &[u8]| {
        let (mut told, mut budget) = (Told::default(), Budget::new(10_000));
        read_path(path, &Limits::default(), &mut Out { sink: &mut told, budget: &mut budget }).unwrap();
        told
    };
    assert_eq!(path(b"/a/b%20c+d/").lines, ["Path 0=a", "Path 1=b c+d", "Path 2="]);
    assert_eq!(path(b"/a-b/caf%C3%A9").notes, []);
    assert_eq!(path(b"/a%2Fb").notes, [Note::EncodedSlash]);
    assert_eq!(path(b"/%2e%2e").notes, [Note::DotSegment]);
    assert_eq!(path(b"/%5c").notes, [Note::PathBackslash]);
    assert_eq!(path(b"/%252e").notes, [Note::DoubleEncoded]);
    assert_eq!(path(b"/a%00").notes, [Note::PathControl]);
    assert_eq!(path(b"/%ff%").notes, [Note::BadPercent, Note::BadUtf8]);
}
