//! What the gateway counts, and the page Prometheus reads.
//!
//! Counting is one relaxed addition, without locks. Label values come from closed sets in this program, never from a
//! request, so that no client can make the page grow (text format 0.0.4).

mod cells;
mod labels;

pub use cells::{Counter, Family, Findings, Gauge, Histogram};
use gambeson_core::sanction::Rung;
pub use labels::{Handshake, Label, Loss, Outcome, Protocol, Receiver, StatusClass};

/// The `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

macro_rules! metrics {
    ($($field:ident: $type:ty, $name:literal, $help:literal;)*) => {
        /// Everything that is counted. One per process, shared by its threads.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(#[doc = concat!("`", $name, "`: ", $help)] pub $field: $type,)*
        }

        impl Metrics {
            /// The page, as Prometheus reads it.
            #[must_use]
            pub fn render(&self) -> String {
                let mut page = String::with_capacity(8 * 1024);
                $(cells::Metric::render(&self.$field, $name, $help, &mut page);)*
                page
            }
        }
    };
}

metrics! {
    requests: Family<(Protocol, StatusClass)>, "gambeson_requests_total", "Requests answered, by protocol and class of status.";
    request_seconds: Histogram, "gambeson_request_seconds", "From the head of a request to the end of its answer.";
    findings: Findings, "gambeson_findings_total", "What the layers found, by layer, rule and mode.";
    connections_open: Gauge, "gambeson_connections_open", "Client connections open now.";
    connections: Counter, "gambeson_connections_total", "Client connections accepted.";
    connections_refused: Counter, "gambeson_connections_refused_total", "Client connections closed at once: too many, in all or of one address.";
    handshakes: Family<Handshake>, "gambeson_tls_handshakes_total", "TLS handshakes, by how they ended.";
    reloads: Family<Outcome>, "gambeson_policy_reloads_total", "Policy reloads, by outcome.";
    policy_loaded: Gauge, "gambeson_policy_loaded_timestamp_seconds", "When the policy in force was loaded.";
    started: Gauge, "gambeson_start_timestamp_seconds", "When this process began to serve.";
    buckets_displaced: Counter, "gambeson_buckets_displaced_total", "Live rate-limit buckets forgotten because the table was full.";
    sanctions: Family<Rung>, "gambeson_sanctions_total", "Sanctions that followed from what clients did, by rung.";
    bans_unwritten: Counter, "gambeson_bans_unwritten_total", "Bans that could not be written to their file: they end with the process.";
    bans_unfiltered: Counter, "gambeson_bans_unfiltered_total", "Bans that did not get into the packet filter; the gateway refuses them all the same.";
    audit_records: Counter, "gambeson_audit_records_total", "Records written to the audit log.";
    audit_lost: Family<Loss>, "gambeson_audit_records_lost_total", "Records that never reached the audit log.";
    audit_repaired: Counter, "gambeson_audit_repaired_total", "Damages found in the audit log, after which it went on.";
    audit_failing: Gauge, "gambeson_audit_failing", "1 while the audit log cannot be written.";
    traffic_recorded: Counter, "gambeson_traffic_recorded_total", "Requests recorded for replay.";
    traffic_lost: Family<Loss>, "gambeson_traffic_lost_total", "Requests that were to be recorded and are not.";
    alerts: Family<(Receiver, Outcome)>, "gambeson_alerts_total", "Alerts, by who was to be told and whether that succeeded.";
    certificate_expires: Gauge, "gambeson_certificate_expires_timestamp_seconds", "When the first certificate in use expires.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::policy::{LayerName, Mode};
    use std::time::Duration;

    #[test]
    fn the_page_has_every_metric_with_help_type_and_value() {
        let metrics = Metrics::default();
        metrics.requests.increment((Protocol::H2, StatusClass::of(404)));
        metrics.connections_open.add(2);
        metrics.connections_open.add(-1);
        metrics.findings.increment(LayerName::Csrf, "cross-site", Mode::Report);
        metrics.request_seconds.observe(Duration::from_millis(7));
        metrics.request_seconds.observe(Duration::from_secs(700));
        let page = metrics.render();
        for line in [
            "# HELP gambeson_requests_total Requests answered, by protocol and class of status.",
            "# TYPE gambeson_requests_total counter",
            "gambeson_requests_total{protocol=\"h2\",status=\"4xx\"} 1",
            "gambeson_requests_total{protocol=\"h1\",status=\"2xx\"} 0",
            "# TYPE gambeson_connections_open gauge",
            "gambeson_connections_open 1",
            "gambeson_findings_total{layer=\"csrf\",rule=\"cross-site\",mode=\"report\"} 1",
            "# TYPE gambeson_request_seconds histogram",
            "gambeson_request_seconds_bucket{le=\"0.005\"} 0",
            "gambeson_request_seconds_bucket{le=\"0.01\"} 1",
            "gambeson_request_seconds_bucket{le=\"60\"} 1",
            "gambeson_request_seconds_bucket{le=\"+Inf\"} 2",
            "gambeson_request_seconds_sum 700.007",
            "gambeson_request_seconds_count 2",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n\n{page}");
        }
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample_and_no_sample_comes_twice() {
        let page = Metrics::default().render();
        let samples: Vec<_> = page.lines().filter(|line| !line.starts_with("# ")).collect();
        for sample in &samples {
            let (name, value) = sample.rsplit_once(' ').unwrap();
            assert!(name.starts_with("gambeson_") && value.parse::<f64>().is_ok(), "{sample}");
        }
        let mut names: Vec<_> = samples.iter().map(|sample| sample.rsplit_once(' ').unwrap().0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), samples.len());
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn rules_beyond_the_limit_are_counted_together() {
        let metrics = Metrics::default();
        for i in 0..10_000 {
            metrics.findings.increment(LayerName::Protocol, &format!("rule-{i}"), Mode::Enforce);
        }
        let page = metrics.render();
        let lines = page.lines().filter(|line| line.starts_with("gambeson_findings_total{")).count();
        assert_eq!(lines, cells::FINDINGS_MAX + 1);
        let rest = 10_000 - cells::FINDINGS_MAX;
        assert!(
            page.contains(&format!("gambeson_findings_total{{layer=\"protocol\",rule=\"other\",mode=\"enforce\"}} {rest}\n"))
        );
    }

    #[test]
    fn statuses_fall_into_their_class() {
        let classes = [100, 204, 302, 499, 599, 0, 999].map(|status| StatusClass::of(status).value());
        assert_eq!(classes, ["1xx", "2xx", "3xx", "4xx", "5xx", "5xx", "5xx"]);
    }
}
