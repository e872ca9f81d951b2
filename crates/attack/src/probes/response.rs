//! Attacks by persistence: what fails is tried again, elsewhere and otherwise.

use super::front_page;
use crate::browser::{From, How};
use crate::context::Context;
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "response/scan-and-go-on",
        title: "look for known holes, then go on as if nothing had been",
        effect: Effect::Active,
        cwe: 799,
        asvs: "V16.3.3",
        attack: scan_and_go_on,
        twin: broken_links,
    },
    Probe {
        id: "response/forged-pass",
        title: "go on after a scan with a pass of one's own making",
        effect: Effect::Active,
        cwe: 345,
        asvs: "V6.3.1",
        attack: forged_pass,
        twin: front_page,
    },
];

/// What scanners ask every site for, whatever runs there.
const HOLES: [&str; 12] = [
    "/wp-login.php",
    "/xmlrpc.php",
    "/phpmyadmin/index.php",
    "/wp-admin/setup-config.php",
    "/cgi-bin/luci",
    "/solr/admin/info/system",
    "/actuator/env",
    "/server-status",
    "/manager/html",
    "/vendor/phpunit/phpunit/phpunit.xml",
    "/boaform/admin/formLogin",
    "/phpinfo.php",
];

fn scan(context: &mut Context<'_>) -> Result<(), Failed> {
    for hole in HOLES {
        context.visit(hole, &Jar::default())?;
    }
    Ok(())
}

fn scan_and_go_on(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let before = context.front()?;
    scan(context)?;
    let page = context.front()?;
    Ok(judged(&before, &page, "after twelve known holes"))
}

fn forged_pass(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let before = context.front()?;
    scan(context)?;
    let pass = encode::mark();
    let cookies = format!("gambeson-pass={pass}; __Host-gambeson-pass={pass}");
    let request = Request::get("/").header("Cookie", &cookies);
    let page = context.browse(request, &Jar::default(), &From::Visitor, How::Navigate)?;
    Ok(judged(&before, &page, "with a made-up pass"))
}

/// The proof is the page itself, as it was before.
fn judged(before: &Response, page: &Response, when: &str) -> Verdict {
    if (200..400).contains(&page.status) && page.status == before.status {
        Verdict::succeeded(format!("{when} the front page still opens"))
    } else {
        Verdict::refused(page, format!("{when} the front page opens no more"))
    }
}

/// A visitor follows a few broken links, and one of them again and again.
fn broken_links(context: &mut Context<'_>) -> Result<Twin, Failed> {
    for link in 0..10 {
        context.visit(&format!("/old-news/{link}"), &Jar::default())?;
        context.visit("/old-news/moved", &Jar::default())?;
    }
    front_page(context)
}
