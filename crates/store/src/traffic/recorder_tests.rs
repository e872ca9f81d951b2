use super::super::{Requests, Text, files};
use super::*;
use gambeson_core::{
    engine::{Decision, Engine, Moment, Step},
    exchange::{Connection, Entropy, Received, Tls},
    policy::Policy,
};
use http::{HeaderMap, HeaderValue, Method, Version};

const ALL: &str = "[intrusion]\nmode = \"off\"\n[csrf]\nmode = \"off\"\n[record]\nrequests = \"all\"\nbodies = true\n";

/// A request as the engine keeps it.
pub(in crate::traffic) fn kept(policy: &str, target: &str, fields: &[(&'static str, &str)], body: &[u8]) -> Traffic {
    let engine = Engine::new(Arc::new(Policy::parse(policy).unwrap()));
    let mut headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("localhost"))]);
    headers
        .extend(fields.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())));
    let received = Received {
        method: Method::POST,
        target: bytes::Bytes::copy_from_slice(target.as_bytes()),
        authority: None,
        version: Version::HTTP_11,
        headers,
        has_body: true,
    };
    let connection = Connection::new([192, 0, 2, 77].into(), Some(Arc::new(Tls::default())));
    let moment = Moment { now_ms: 1_800_000_000_000, entropy: Entropy([7; 24]) };
    let pending = match engine.receive(received, connection, moment) {
        Step::Ask(pending) => pending,
        Step::Respond(mut outgoing) => return outgoing.finish.traffic().unwrap(),
    };
    let inspecting = match pending.decide(&[]) {
        Decision::Inspect(inspecting) => inspecting,
        Decision::Respond(mut outgoing) => return outgoing.finish.traffic().unwrap(),
        _ => panic!("not inspected"),
    };
    let Decision::Forward(_, mut rest, exchange) = inspecting.begin(b"", false) else { panic!("refused") };
    rest.piece(body).unwrap();
    rest.end().unwrap();
    exchange.abandon().traffic().unwrap()
}

struct Place {
    _folder: tempfile::TempDir,
    state: StateDir,
    metrics: Arc<Metrics>,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    Place { _folder: folder, state, metrics: Arc::default() }
}

impl Place {
    fn recorder(&self, file_bytes_max: u64, total_bytes_max: u64) -> Recorder {
        Recorder::start(&self.state, Settings { file_bytes_max, total_bytes_max }, Arc::clone(&self.metrics)).unwrap()
    }

    fn lines(&self) -> Vec<Line> {
        let files = files(self.state.path()).unwrap();
        files.iter().flat_map(|path| Requests::open(path).unwrap()).map(Result::unwrap).collect()
    }
}

#[test]
fn what_is_recorded_reads_back_and_only_we_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let recorder = place.recorder(1 << 20, 4 << 20);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    recorder.record(kept(ALL, "/a?b=1", &[kind], b"c=%64"));
    recorder.close();
    let lines = place.lines();
    let [Line::Request(request)] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((request.target.clone(), request.client.to_string()), (Text::Plain("/a?b=1".into()), "192.0.2.0".into()));
    let body = request.body.as_ref().unwrap();
    assert_eq!((body.text.clone(), body.whole, body.bytes), (Some(Text::Plain("c=%64".into())), true, 5));
    let path = files(place.state.path()).unwrap().remove(0);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn nothing_is_made_before_something_is_recorded() {
    let place = place();
    place.recorder(1 << 20, 4 << 20).close();
    assert!(!place.state.file(DIR).exists());
}

#[test]
fn files_are_rotated_and_the_oldest_go() {
    let place = place();
    for _ in 0..12 {
        // A batch may be larger than a file: each recorder writes one.
        let recorder = place.recorder(600, 2_000);
        recorder.record(kept(ALL, "/a", &[("x-long", &"a b ".repeat(100))], b""));
        recorder.close();
    }
    let kept = numbered(&place.state.file(DIR)).unwrap();
    let sum: u64 = kept.iter().map(|(_, path)| fs::metadata(path).unwrap().len()).sum();
    assert!(sum <= 2_000 && kept.first().unwrap().0 > 1 && kept.last().unwrap().0 == 12, "{sum} {kept:?}");
}

#[test]
fn what_does_not_fit_is_counted_and_the_count_is_written() {
    let place = place();
    let recorder = place.recorder(1 << 20, 4 << 20);
    recorder.shared.queued_bytes.store(QUEUE_BYTES_MAX, Relaxed);
    recorder.record(kept(ALL, "/lost", &[], b""));
    recorder.shared.queued_bytes.store(0, Relaxed);
    recorder.record(kept(ALL, "/kept", &[], b""));
    recorder.close();
    assert!(place.lines().contains(&Line::Lost { lost: 1 }));
    assert!(place.metrics.render().contains("gambeson_traffic_lost_total{why=\"queue-full\"} 1\n"));
    assert!(place.metrics.render().contains("gambeson_traffic_recorded_total 1\n"));
}

#[test]
fn a_disk_that_takes_nothing_is_counted_too() {
    let place = place();
    fs::write(place.state.file(DIR), "").unwrap();
    let recorder = place.recorder(1 << 20, 4 << 20);
    recorder.record(kept(ALL, "/lost", &[], b""));
    recorder.close();
    assert!(place.metrics.render().contains("gambeson_traffic_lost_total{why=\"unwritable\"} 1\n"));
}
