"""Whole requests of particular clients: webhooks, analytics, sign-in, uploads, libraries for pages."""

import base64
import json
from urllib.parse import quote_plus, urlencode

from shapes import FORM_DATA, Request, component, form_data

SERVER = {"sec-fetch-site": "same-origin", "accept": "*/*"}


def requests():
    """All of them; no two alike."""
    for family in (sign_in, analytics, cookies, webhooks, telemetry, uploads, file_names, bodies, keys, libraries, agents, paths, admin_forms, searches):
        yield from family()


def typed(name, kind, body, method="POST", target="/echo", **headers):
    """A request with a body of a type."""
    body = body if isinstance(body, bytes) else body.encode()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Request(name, method, target, body, {**SERVER, "content-type": kind, **named})


def document(name, value, method="POST", target="/echo", kind="application/json", **headers):
    return typed(name, kind, json.dumps(value, ensure_ascii=False), method, target, **headers)


def sign_in():
    state = "eyJub25jZSI6Ii0nIiwibmV4dCI6Ii9hP2I9YyJ9"
    asked = {
        "response_type": "code", "client_id": "1234-abc.apps.example.com", "redirect_uri": "http://localhost:8000/accounts/callback/?next=/a",
        "scope": "openid email profile https://www.googleapis.com/auth/userinfo.email", "state": state, "nonce": "n-0S6_WzA2Mj",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256", "prompt": "select_account", "claims": '{"id_token":{"email":null}}',
    }
    yield Request("oauth authorize", target=f"/echo?{urlencode(asked)}")
    for key in ("redirect_uri", "post_logout_redirect_uri", "next", "RelayState"):
        yield Request(f"{key} of a native app", target=f"/echo?client_id=a&{key}=http%3A%2F%2F127.0.0.1%3A51004%2Fcallback")
    yield Request("oauth callback", target=f"/echo?state={state}&code=4%2F0AX4XfWj-x_y&scope=email+profile+openid+https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fuserinfo.email&authuser=0&prompt=consent")
    yield Request("oauth error", target="/echo?error=access_denied&error_description=The+user+didn%27t+consent%3B+try+again&error_uri=https%3A%2F%2Fexample.com%2F")
    saml = (
        '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" '
        'Destination="https://app.example.com/saml/acs"><saml:Issuer>https://idp.example.com/</saml:Issuer><saml:Assertion ID="_2"><saml:Subject><saml:NameID>o\'brien@example.com'
        '</saml:NameID></saml:Subject><saml:AttributeStatement><saml:Attribute Name="name"><saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">Conan O&apos;Brien</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>'
        "</saml:Assertion></samlp:Response>"
    )
    for name, text in {"saml": saml, "saml with a head": '<?xml version="1.0" encoding="UTF-8"?>\n' + saml}.items():
        body = urlencode({"SAMLResponse": base64.b64encode(text.encode()).decode(), "RelayState": "https://app.example.com/a?b=c"})
        yield typed(name, "application/x-www-form-urlencoded", body, sec_fetch_site="same-origin")
    for key in ("next", "redirect", "return_to", "continue", "url", "callback", "ref", "goto", "service"):
        for url in ("/accounts/?a=1&b=it's", "https://localhost/a?next=%2Fb", "https://www.example.com/x?y=z", "/", "..", "?tab=2#x"):
            yield Request(f"{key} address", target=f"/echo?{key}={component(url)}")
    yield typed("token", "application/x-www-form-urlencoded", urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln"}))
    yield document("webauthn", {"id": "AbC-_", "rawId": "AbC-_", "type": "public-key", "response": {"clientDataJSON": base64.urlsafe_b64encode(b'{"type":"webauthn.get","challenge":"x","origin":"https://localhost"}').decode(), "userHandle": None, "signature": "MEUCIQD_-w"}, "clientExtensionResults": {}})


def analytics():
    for number, tail in enumerate((
        "utm_source=newsletter&utm_medium=email&utm_campaign=it%27s+spring%21+%28a%2Fb%29&utm_term=c%2B%2B+%26+sql&utm_content=%7B%7Badset.name%7D%7D",
        "gclid=Cj0KCQiA-_x&gad_source=1&gbraid=0AAAA&wbraid=x", "fbclid=IwAR0_abc-DEF&mibextid=Zxz2cZ", "msclkid=0a1b&_hsenc=p2ANqtz-_x&_hsmi=1&mc_cid=a&mc_eid=b",
        "_gl=1*1abcde*_ga*MTIzNDU2Nzg5MC4xNzAw*_ga_ABC*MTcwMC4xLjEuMTcwMC4w", "ref=producthunt&via=@ann", "q=a%20b&sort=-created,name&fields[user]=id,name&filter[age][gte]=18&page[size]=20",
        "ids[]=1&ids[]=2&ids[]=3", "a.b.c=1&x:y=2&data-x=3", "order_by=-price&created__gte=2026-01-01&name__icontains=o%27b&id__in=1,2,3", "columns[0][data]=name&columns[0][search][value]=&columns[0][search][regex]=false&order[0][dir]=asc&_=1700000000",
        "lat=52.5&lng=13.4&bbox=13.1,52.3,13.7,52.6", "q=%F0%9F%98%80&lang=de-DE", "$filter=name%20eq%20'O''Brien'%20and%20price%20lt%2010&$orderby=name%20desc&$top=5&$select=id,name", "empty=&flag&x==y", "date=22/11/2026&time=12:30",
        "tz=Europe/Berlin&path=a/b/c.txt&version=^1.2.3||~2", "q=price:%3E10%20AND%20(red%20OR%20blue)%20-used", "callback=jQuery3600_1700&_=1700", "expand=a,b.c,d(e)&embed=x!y",
        "q=site%3Aexample.com+%22it%27s%22&sca_esv=1&source=hp", "format=json&fields=*", "width=300&height=200&fit=crop&bg=%23fff", "sql=false&debug=0&admin=1", "k=v;w=x", "next=%2F%3Fa%3D1%26b%3D2",
    )):
        yield Request(f"address {number}", target=f"/echo?{tail}", headers={"referer": f"https://www.example.com/?{tail}"})
    yield typed("beacon", "text/plain;charset=UTF-8", json.dumps({"n": "pageview", "u": "https://localhost/a?b=it's", "d": "localhost", "r": None, "p": {"title": "Q&A: <b> tags"}}), sec_fetch_mode="no-cors")
    yield typed("beacon lines", "text/plain;charset=UTF-8", "en=page_view&_et=5&dl=https%3A%2F%2Flocalhost\r\nen=scroll&epn.percent=90")
    yield typed("csp report", "application/csp-report", json.dumps({"csp-report": {"document-uri": "https://localhost/", "violated-directive": "script-src-elem", "original-policy": "default-src 'none'; script-src 'self' 'nonce-abc'; object-src 'none'", "blocked-uri": "inline", "script-sample": "var a = 1; if (a"}}))
    yield typed("reports", "application/reports+json", json.dumps([{"type": "deprecation", "age": 1, "url": "https://localhost/", "body": {"id": "x", "message": "`a` is deprecated; use 'b'"}}]))
    yield typed("ping", "text/ping", "PING", ping_to="https://example.org/?a=b", ping_from="https://localhost/")


def cookies():
    for number, line in enumerate((
        "_ga=GA1.2.1234567890.1700000000; _gid=GA1.2.9.1; _gat_UA-1-1=1; _ga_AB1CD2EF3G=GS1.1.1700000000.1.1.1700000001.60.0.0",
        "_fbp=fb.1.1700000000000.1234567890; _fbc=fb.1.1.IwAR0-_x; _gcl_au=1.1.1.1; _uetsid=abc|1; _clck=1a2b%7C2%7Cfx%7C0%7C1",
        'OptanonConsent=isGpcEnabled=0&datestamp=Sun+Nov+22+2026+12%3A00%3A00+GMT%2B0100+(Central+European+Standard+Time)&version=6.10.0&groups=C0001%3A1%2CC0002%3A0; OptanonAlertBoxClosed=2026-11-22T11:00:00.000Z',
        "CookieConsent={stamp:%27abc/+==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:false%2Cmarketing:false%2Cver:1%2Cutc:1700000000000%2Cregion:%27de%27}",
        "ajs_user_id=%22ann%22; ajs_anonymous_id=%220a1b%22; mp_abc_mixpanel=%7B%22distinct_id%22%3A%20%22a%22%2C%22%24initial_referrer%22%3A%20%22%24direct%22%7D",
        "hubspotutk=0a1b; __hstc=1.a.1.2.3.4; __hssrc=1; __hssc=1.1.1; intercom-id-x=a-b; _hjSessionUser_1=eyJpZCI6ImEiLCJjcmVhdGVkIjoxNzAwfQ==",
        "sessionid=abc.def-ghi_jkl; csrftoken=AbC123; messages=W1siX19qc29uX21lc3NhZ2UiLDAsMjUsIkl0J3Mgc2F2ZWQiXV0:1abc:x-_y; django_language=de",
        "session=.eJwlzjEOwzAIAMC_MHewMRjcz1RgQO2aNFPUvzfqfMt9Yc8jzhu.ZzZz-w.a_B-c; remember_token=7|0a1b2c", "a=1; b=2; c=; d; e=f=g; h=\"quoted value\"; i=a,b; j=[1,2]; k={\"x\":1}",
        "consent=a:1|b:0|c:1; tz=Europe/Berlin; theme=\"dark\"; last=/a/b?c=d&e=it's", "__stripe_mid=a-b-c; __cf_bm=a.b_c-1700-1-AbC/+x==; cf_clearance=x_y.z-1-0.2.1", "euconsent-v2=CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA.YAAAAAAAAAAA",
        "_pk_id.1.1fff=a.1700.; _pk_ses.1.1fff=1; _pk_ref.1.1fff=%5B%22%22%2C%22%22%2C1700%2C%22https%3A%2F%2Fwww.example.com%2F%22%5D", "dw-tag=; amp_abc=x...1h; ab.storage.deviceId=%7B%22g%22%3A%22a%22%7D; name=J%C3%BCrgen%20O%27B",
    )):
        yield Request(f"cookies {number}", headers={"cookie": line})


def webhooks():
    github = {
        "ref": "refs/heads/fix/o'brien", "before": "0" * 40, "repository": {"full_name": "ann/app", "html_url": "https://github.com/ann/app", "description": "It's <3 & more; see `README`",
        "archive_url": "https://api.github.com/repos/ann/app/{archive_format}{/ref}", "clone_url": "https://github.com/ann/app.git", "ssh_url": "git@github.com:ann/app.git", "topics": []},
        "pusher": {"name": "ann"}, "commits": [{"id": "a1", "message": "Don't drop table columns; select them\n\nCo-authored-by: Bob O'Neil <bob@example.com>", "added": ["src/a b.py", "../x.md"], "modified": [".github/workflows/ci.yml", "etc/passwd.example"]}],
    }
    issue = {"action": "opened", "issue": {"number": 7, "title": "`SELECT *` is slow when name = 'x'", "body": "### Steps\r\n\r\n1. run `python -c \"import os; print(os.getcwd())\"`\r\n2. see\r\n\r\n```\r\nTraceback (most recent call last):\r\n  File \"a.py\", line 1, in <module>\r\nKeyError: 'x'\r\n```\r\n<!-- from the template -->", "labels": [{"name": "type: bug"}], "user": {"login": "bob[bot]"}}}
    yield document("github push", github, x_github_event="push", x_github_delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958", x_hub_signature_256="sha256=757107ea", user_agent="GitHub-Hookshot/0a1b2c3")
    yield document("github issue", issue, x_github_event="issues", user_agent="GitHub-Hookshot/0a1b2c3")
    yield typed("github form", "application/x-www-form-urlencoded", urlencode({"payload": json.dumps(issue)}), user_agent="GitHub-Hookshot/0a1b2c3")
    stripe = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "livemode": False, "created": 1700000000, "data": {"object": {"id": "cs_1", "amount_total": 1999, "currency": "eur", "success_url": "https://localhost/ok?session_id={CHECKOUT_SESSION_ID}", "customer_details": {"name": "D'Arcy & Co.", "email": "a+b@example.com", "address": {"line1": "1 King's Rd; flat 2", "line2": None}}, "metadata": {"order": "7", "note": "It's a gift -- no receipt!"}, "payment_method_options": {"card": {"request_three_d_secure": "automatic"}}}}}
    yield document("stripe", stripe, stripe_signature="t=1700000000,v1=5257a869e7,v0=6ffbb59b", user_agent="Stripe/1.0 (+https://stripe.com/docs/webhooks)", kind="application/json; charset=utf-8")
    slack = {"token": "x", "team_id": "T1", "text": "it's <@U123|ann>'s & <https://example.com|link> `code`; *bold*", "command": "/deploy", "response_url": "https://hooks.slack.com/commands/1/2/3", "user_name": "o'brien"}
    yield typed("slack", "application/x-www-form-urlencoded", urlencode(slack), user_agent="Slackbot 1.0 (+https://api.slack.com/robots)")
    yield document("slack event", {"type": "event_callback", "event": {"type": "message", "text": "```SELECT 1;``` &lt;b&gt; :smile:", "blocks": [{"type": "rich_text", "elements": [{"type": "text", "text": "a < b && c > d"}]}]}})
    twilio = {"From": "+491701234567", "Body": "STOP; don't text me! 😡", "NumMedia": "0", "To": "+1"}
    yield typed("twilio", "application/x-www-form-urlencoded; charset=UTF-8", urlencode(twilio), user_agent="TwilioProxy/1.1")
    mail = {"headers": "Received: by mx.example.com with SMTP id 1\nFrom: \"O'Brien, Ann\" <ann@example.com>\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "from": "\"O'Brien, Ann\" <ann@example.com>", "text": "Hi,\n\nit's me.\n-- \nAnn", "html": "<div dir=\"ltr\">Hi,<br><br>it's me.</div>", "envelope": '{"to":["a@b.c"],"from":"ann@example.com"}', "charsets": '{"to":"UTF-8","text":"utf-8"}'}
    yield Request("inbound mail", "POST", body=form_data(mail, {"attachment1": ("Rechnung Nr. 7 (Kopie).pdf", "application/pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>")}), headers=FORM_DATA)
    yield document("shopify", {"id": 1, "body_html": "<p>It's <strong>new</strong></p>\n<ul>\n<li>a</li>\n</ul>", "tags": "a, b", "variants": [{"price": "10.00", "title": "S / M", "option1": "S"}]}, x_shopify_topic="products/update")
    yield document("gitlab", {"object_kind": "merge_request", "object_attributes": {"title": "Draft: don't `rm -rf /tmp/x`", "description": "- [ ] a\n/label ~bug", "url": "http://gitlab.local/a/b/-/merge_requests/1"}}, x_gitlab_event="Merge Request Hook")
    yield document("telegram", {"update_id": 1, "message": {"text": "/start it's", "entities": [{"offset": 0, "length": 6, "type": "bot_command"}], "from": {"first_name": "Ann;", "is_bot": False}}})
    yield document("discord", {"content": "**hi** <@123> <:emoji:456> ||spoiler||", "embeds": [{"title": "x", "url": "https://example.com"}]})
    yield document("alertmanager", {"alerts": [{"labels": {"alertname": "High", "instance": "10.0.0.5:9100"}, "annotations": {"summary": "{{ $labels.instance }} > 90%"}, "generatorURL": "http://prometheus:9090/graph?g0.expr=rate%28x%5B5m%5D%29+%3E+1"}], "externalURL": "http://alertmanager:9093"})
    yield document("aws sns", {"Type": "Notification", "Message": "{\"Records\":[{\"s3\":{\"object\":{\"key\":\"a+b%2Fc.csv\"}}}]}", "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem"}, kind="text/plain; charset=UTF-8")
    yield document("cloudevent", {"specversion": "1.0", "type": "com.example.x", "source": "/a/b", "data": {"x": "it's"}}, kind="application/cloudevents+json")
    yield document("activitypub", {"@context": ["https://www.w3.org/ns/activitystreams"], "type": "Create", "object": {"content": "<p><span class=\"h-card\"><a href=\"https://example.com/@ann\" class=\"u-url mention\">@<span>ann</span></a></span> it&#39;s</p>", "contentMap": {"en": "x"}}}, kind='application/ld+json; profile="https://www.w3.org/ns/activitystreams"')


def telemetry():
    yield document("otlp", {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}, {"key": "process.command_args", "value": {"stringValue": "/bin/sh -c python app.py && sleep 1"}}]}, "scopeSpans": [{"spans": [{"name": "SELECT shop.items", "attributes": [{"key": "db.statement", "value": {"stringValue": "SELECT id, name FROM items WHERE name = ? AND price > 10"}}, {"key": "http.url", "value": {"stringValue": "http://orders.internal.example:8080/a?b=c"}}, {"key": "url.path", "value": {"stringValue": "/etc/x"}}]}]}]}]})
    event = {"event_id": "0a1b", "platform": "javascript", "exception": {"values": [{"type": "TypeError", "value": "Cannot read properties of undefined (reading 'map')", "stacktrace": {"frames": [{"filename": "webpack:///./src/a.js", "function": "Object.<anonymous>", "lineno": 7, "context_line": "  return x.map(y => `<li>${y}</li>`);", "pre_context": ["function f(x) {", "  if (!x) throw new Error('x');"]}]}}]}, "breadcrumbs": [{"category": "ui.click", "message": "body > div#root > button[name='save'].btn"}, {"category": "console", "message": "document.cookie is empty"}, {"category": "xhr", "data": {"url": "/api?x='1'"}}], "request": {"url": "https://localhost/a", "headers": {"User-Agent": "Mozilla/5.0"}}}
    yield document("sentry", event)
    lines = [{"event_id": "0a1b", "sent_at": "2026-11-22T12:00:00Z"}, {"type": "event"}, event]
    yield typed("sentry envelope", "text/plain;charset=UTF-8", "\n".join(map(json.dumps, lines)))
    python = {"platform": "python", "exception": {"values": [{"type": "ProgrammingError", "value": "syntax error at or near \"'\"\nLINE 1: SELECT 'a''", "stacktrace": {"frames": [{"abs_path": "/usr/lib/python3.12/site-packages/django/db/backends/utils.py", "module": "__main__", "context_line": "    return self.cursor.execute(sql, params)", "vars": {"self": "<django.db.backends.utils.CursorWrapper object at 0x7f>", "sql": "'SELECT \"auth_user\".\"id\" FROM \"auth_user\" WHERE \"auth_user\".\"id\" = %s LIMIT 21'", "params": ["7"], "environ": "{'PATH': '/usr/bin:/bin'}"}}]}}]}}
    yield document("sentry python", python)
    yield typed("ndjson", "application/x-ndjson", '{"index":{"_index":"logs"}}\n{"message":"it\'s; GET /a?b=\'c\' 200"}\n')
    yield typed("json lines", "application/jsonl", '{"a":1}\n{"a":"it\'s"}\n')
    yield typed("elasticsearch", "application/json", json.dumps({"query": {"bool": {"must": [{"match": {"name": "o'brien"}}, {"range": {"age": {"gte": 10, "lt": 20}}}], "filter": {"script": {"script": {"source": "doc['x'].value > params.y", "lang": "painless"}}}}}, "sort": [{"@timestamp": "desc"}]}))
    yield typed("statsd", "text/plain", "web.requests:1|c|#env:prod,path:/a\nweb.time:320|ms")
    yield typed("influx", "text/plain; charset=utf-8", 'weather,location=us-midwest temperature=82,text="it\'s" 1465839830100400200')
    yield typed("prometheus", "text/plain; version=0.0.4", '# HELP a it\'s\n# TYPE a counter\na{path="/x",code="200"} 1\n')
    yield document("posthog", {"api_key": "phc_x", "batch": [{"event": "$pageview", "properties": {"$current_url": "https://localhost/#a", "$set": {"$browser": "Chrome"}, "$elements": [{"tag_name": "a", "attr__href": "javascript:void(0)", "$el_text": "x"}]}}]})


def uploads():
    contents = {
        ("data.csv", "text/csv"): "id;name\n1;O'Brien\n2;=cmd|' /C calc'!A0\n3;<b>\n".encode(), ("data.json", "application/json"): b'{"a": {"$ne": 1}, "a": 2}',
        ("data.xml", "text/xml"): b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', ("page.html", "text/html"): b"<script>alert(1)</script>",
        ("dump.sql", "application/sql"): b"DROP TABLE a; INSERT INTO b VALUES ('x'' OR 1=1 --');", ("run.sh", "application/x-sh"): b"#!/bin/sh\nrm -rf /tmp/x; curl a | sh", ("a.py", "text/x-python"): b"__import__('os').system('id')",
        ("pic.svg", "image/svg+xml"): b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', ("empty.txt", "text/plain"): b"", ("blob", "application/octet-stream"): bytes(range(256)) * 4, ("notes.md", "text/markdown"): b"# it's\n--not-a-boundary\n",
        ("archive.tar.gz", "application/gzip"): b"\x1f\x8b\x08" + bytes(range(200)), ("a.pickle", "application/octet-stream"): b"\x80\x04\x95", ("mail.eml", "message/rfc822"): b"From: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ny\r\n--x--\r\n",
    }
    for (name, kind), content in contents.items():
        yield Request(f"upload {name}", "POST", body=form_data({"title": "it's"}, {"file": (name, kind, content)}), headers=FORM_DATA)
        if kind.split("/")[0] in ("image", "video") or kind.endswith(("octet-stream", "gzip")):
            yield typed(f"put {name}", kind, content or b"x", "PUT", f"/echo/files/{name}")
    yield typed("put csv", "text/csv", contents["data.csv", "text/csv"], "PUT")
    yield typed("put markdown", "text/markdown; charset=utf-8", "# it's\n\n```sql\nSELECT 1;\n```\n<b>x</b>", "PUT")
    yield typed("post xml", "application/xml", '<?xml version="1.0" encoding="utf-8"?>\n<!-- it\'s -->\n<order xmlns="urn:x" xmlns:y="urn:y"><y:item n="1">D\'Or &amp; &lt;b&gt; <![CDATA[a < b && c]]></y:item></order>')
    yield typed("soap", 'text/xml; charset="utf-8"', '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/><soapenv:Body><Get><name>O\'Brien</name></Get></soapenv:Body></soapenv:Envelope>', soapaction='"urn:Get"')
    yield typed("xml-rpc", "text/xml", "<?xml version='1.0'?>\n<methodCall>\n<methodName>add</methodName>\n<params>\n<param>\n<value><string>it's</string></value>\n</param>\n</params>\n</methodCall>\n")
    yield typed("atom", "application/atom+xml;type=entry", '<entry xmlns="http://www.w3.org/2005/Atom"><title>x</title><content type="html">&lt;p&gt;it\'s&lt;/p&gt;</content></entry>')
    yield typed("tus", "application/offset+octet-stream", b"\x00\x01binary'\"<", "PATCH", tus_resumable="1.0.0", upload_offset="0", upload_metadata="filename d29ybGQ=,is_confidential")
    yield typed("protobuf", "application/x-protobuf", b"\x0a\x05it's;\x12\x03<b>\x1a\x02' ")
    yield typed("grpc web", "application/grpc-web+proto", b"\x00\x00\x00\x00\x05\x0a\x03a'b")
    yield typed("msgpack", "application/msgpack", b"\x81\xa1a\xa4it's")
    yield typed("cbor", "application/cbor", b"\xa1\x61a\x64it's")
    yield typed("avro", "avro/binary", b"\x02\x06'a\"")
    yield typed("wasm", "application/wasm", b"\x00asm\x01\x00\x00\x00")


NAMES = [
    "O'Brien's résumé (final).pdf", "a;b.txt", 'say "hi".txt', "50% off!.png", "#1 (copy).docx", "Screenshot 2026-11-22 at 12.34.56 PM.png", "Screenshot 2026-11-22 at 12.34.56\u202fPM.png",
    "レポート.xlsx", "отчёт за 2026 год.doc", "تقرير.pdf", "😀.gif", "a,b=c&d.csv", "..hidden", ".env.example", "a..b.txt", "~$lock.docx", "file (1) - Copy [2].tar.gz", "C++ & C#.md", "no_extension",
    "very long name " + "x" * 180 + ".txt", "{template}.html", "$HOME.txt", "`tick`.txt", "a|b.txt", "a<b>.txt", "it's 100% \"fine\"; ok?.txt", "CON.txt", "Müller & Söhne GmbH – Angebot Nr. 7.odt", "id_rsa.pub", "select.sql", "index.php.txt", "x.jsp",
    "wp-config.php", "setup.exe", "résumé.pdf", "a+b c%20d.txt", "it''s.txt", "--help.txt", "-rf.txt", "photo.jpg.exe", "a\u0301.txt",
]


def file_names():
    for name in NAMES:
        body = form_data({"description": name}, {"upload": (name, "application/octet-stream", b"x")})
        yield Request(f"file {name[:40]!r}", "POST", body=body, headers=FORM_DATA)
    for name in NAMES[:12]:
        if name.isascii() and '"' not in name:
            plain = f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n'
            yield typed(f"curl file {name!r}", "multipart/form-data; boundary=b", plain, user_agent="curl/8.5.0")
    yield typed("python client", "multipart/form-data; boundary=0a1b2c3d4e5f60718293a4b5c6d7e8f9", '--0a1b2c3d4e5f60718293a4b5c6d7e8f9\r\nContent-Disposition: form-data; name="a"\r\n\r\nit\'s\r\n--0a1b2c3d4e5f60718293a4b5c6d7e8f9--\r\n', user_agent="python-requests/2.32.3")
    yield typed("curl", "multipart/form-data; boundary=------------------------d74496d66958873e", '--------------------------d74496d66958873e\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--------------------------d74496d66958873e--\r\n', user_agent="curl/8.5.0")
    yield typed("curl typed part", "multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{"a":"it\'s"}\r\n--b--\r\n', user_agent="curl/8.5.0")
    yield typed("java client", 'multipart/form-data; boundary="b_1-2"', '--b_1-2\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n--b_1-2--\r\n', user_agent="okhttp/4.12.0")
    yield typed("part with length", "multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Length: 4\r\n\r\nit\'s\r\n--b--\r\n', user_agent="okhttp/4.12.0")
    yield typed("node client", "multipart/form-data; boundary=--------------------------515890814546601021194782", '----------------------------515890814546601021194782\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n----------------------------515890814546601021194782--\r\n', user_agent="axios/1.7.0")
    yield typed("firefox", "multipart/form-data; boundary=----geckoformboundary7a1b2c", '------geckoformboundary7a1b2c\r\nContent-Disposition: form-data; name="f"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n------geckoformboundary7a1b2c--\r\n')


def bodies():
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield typed(f"{method} empty json", "application/json", b"", method)
        yield Request(f"{method} nothing", method, headers={"sec-fetch-site": "same-origin"})
        yield document(f"{method} object", {"it's": "so"}, method)
    yield typed("empty form", "application/x-www-form-urlencoded", b"")
    yield typed("empty xml", "application/xml", b"")
    for number, text in enumerate(('"it\'s a string"', "7", "null", "true", "[]", "{}", '[[],{},""]', '{"a":[{"b":[{"c":[{"d":{"e":{}}}]}]}]}', ' {"a": 1}\n', '{"big": 123456789012345678901234567890, "f": -1.5e-10}', '{"u": "\\u00fc \\ud83d\\ude00 \\/ \\b\\f\\n"}', "[1,2,3]\n")):
        yield typed(f"json {number}", "application/json", text)
    yield document("merge patch", {"title": None, "a": {"b": "it's"}}, "PATCH", kind="application/merge-patch+json")
    yield document("json patch", [{"op": "test", "path": "/a~1b/0", "value": "x"}, {"op": "move", "from": "/a", "path": "/-"}], "PATCH", kind="application/json-patch+json")
    yield document("json:api", {"data": {"type": "articles", "id": "1", "relationships": {"author": {"data": None}}}}, "PATCH", kind="application/vnd.api+json")
    yield document("problem", {"type": "about:blank", "title": "It's"}, kind="application/problem+json")
    yield document("scim", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "o'b@example.com"}]}, "PATCH", kind="application/scim+json")
    yield document("json-rpc", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run_sql", "arguments": {"query": "SELECT name FROM items LIMIT 5"}}})
    chat = {"model": "x", "messages": [{"role": "system", "content": "You're helpful. Use <thinking> tags; don't reveal {{secrets}}."}, {"role": "user", "content": "Write a bash script: for f in *.log; do gzip \"$f\"; done"}, {"role": "assistant", "content": "```bash\nfind /var/log -name '*.log' -mtime +7 -exec gzip {} \\;\n```"}], "tools": [{"type": "function", "function": {"name": "exec", "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "$schema": "http://json-schema.org/draft-07/schema#"}}}], "stop": ["\n\n", "</s>", "<|im_end|>"]}
    yield document("chat", chat)
    cells = {"cells": [{"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install x\n", "import os, sys\n", "df[df['a'] > 1].query(\"b == 'x'\")"], "outputs": [{"data": {"text/html": ["<div>\n", "<table border=\"1\" class=\"dataframe\">\n", "</table>\n", "</div>"], "text/plain": ["<module 'os' from '/usr/lib/python3.12/os.py'>"]}}]}], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4}
    yield document("notebook", cells, "PUT")
    yield document("slate", {"children": [{"type": "paragraph", "children": [{"text": "It's "}, {"text": "bold", "bold": True}]}]})
    yield document("quill delta", {"ops": [{"insert": "It's "}, {"insert": "x", "attributes": {"link": "https://example.com/?a=b"}}, {"insert": {"image": "data:image/png;base64,iVBORw0KGgo="}}, {"insert": {"video": "https://www.youtube.com/embed/x"}}]})
    yield document("editorjs", {"time": 1700000000, "blocks": [{"type": "paragraph", "data": {"text": "It's <b>bold</b>, <a href=\"https://example.com\">link</a> &amp; <mark class=\"cdx-marker\">m</mark>"}}, {"type": "code", "data": {"code": "if (a < b && c) {}"}}], "version": "2.30.0"})
    yield document("geojson", {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [13.4, 52.5]}, "properties": {"name": "King's Cross"}}]})
    yield document("openapi", {"openapi": "3.1.0", "paths": {"/users/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "schema": {"$ref": "#/components/schemas/Id"}}], "description": "It's `SELECT`ed; see <https://example.com>"}}}})
    yield document("vega", {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "transform": [{"filter": "datum.a > 1 && datum.b != 'x'"}, {"calculate": "if(datum.x, 'y', 'z')", "as": "w"}]})
    yield document("i18n", {"greeting": "Hello, {name}! You've {count, plural, one {# item} other {# items}}.", "html": "Click <0>here</0> or <1/>", "old": "%(name)s's cart", "js": "${name}'s cart", "mustache": "{{name}}'s cart"})


def keys():
    odd = {"a.b": 1, "": "x", "a b": "y", "it's": "z", "@type": "t", "$schema": "s", "a[0]": "u", "/path/{id}": "p", "x-y": 1, "ключ": "v", "a:b": 1, "#/x": 1, "http://example.com/ns#a": "n", "__typename": "T", "_id": "1", "-": 1, "0": 1, "<": "lt", "a=b": "c", "?": 1, "*": 1, "a/b|c": 1, "constructor": "Ford", "class": "A", "self": 1, "null": None, "function": "f", "select": "s", "script": "x"}
    for key, value in odd.items():
        yield document(f"key {key!r}", {key: value, "other": "it's"})
        yield typed(f"form key {key!r}", "application/x-www-form-urlencoded", urlencode({key or "n": value, "z": 1}))
    for number, lookup in enumerate(("author__name__icontains", "user__groups__name__in", "created__date__gte", "tags__name__iexact", "a__class__name", "parent__isnull", "order__code__startswith")):
        yield Request(f"lookup {number}", target=f"/echo?{lookup}=o%27b&{number}")
    for key in ("form-0-id", "form-__prefix__-name", "items[0][name]", "user[address][street]", "user.address.street", "choices-0-choice_text", "_selected_action", "initial-form-0-date", "x:y", "field-name[]", "ctl00$Main$txtName", "__VIEWSTATE", "g-recaptcha-response", "cf-turnstile-response", "j_idt5:form", "csrfmiddlewaretoken"):
        yield typed(f"form field {key}", "application/x-www-form-urlencoded", urlencode({key: "it's; ok", "a": "b"}))
        yield Request(f"multipart field {key}", "POST", body=form_data({key: "it's; ok"}), headers=FORM_DATA)


def libraries():
    form = "text=it%27s+ok&tags=a&tags=b"
    urlencoded = "application/x-www-form-urlencoded"
    yield typed("htmx", urlencoded, form, hx_request="true", hx_target="list", hx_trigger="form-1", hx_current_url="https://localhost/a?b=it%27s", hx_prompt="It's OK; go", accept="*/*")
    yield typed("htmx encoded", urlencoded, form + "&x=1", hx_request="true", hx_prompt="J%C3%BCrgen", hx_prompt_uri_autoencoded="true")
    yield typed("turbo", urlencoded + ";charset=UTF-8", form, turbo_frame="modal", accept="text/vnd.turbo-stream.html, text/html, application/xhtml+xml", x_turbo_request_id="a-b-c", x_csrf_token="Ab/+c==")
    yield typed("unpoly", urlencoded, form, x_up_target=".main, [up-main~='x'] > a", x_up_context='{"lives":3}', x_up_mode="root", x_up_version="3.8.0")
    yield document("livewire", {"components": [{"snapshot": "{\"data\":{\"q\":\"it's\"},\"memo\":{\"id\":\"a\"},\"checksum\":\"b\"}", "updates": {"q": "o'b"}, "calls": [{"path": "", "method": "$refresh", "params": []}]}]}, x_livewire="")
    yield document("django unicorn", {"id": "a", "data": {"name": "o'b"}, "checksum": "x", "actionQueue": [{"type": "callMethod", "payload": {"name": "set_name('it')"}}]})
    yield Request("inertia", headers={"x-inertia": "true", "x-inertia-version": "abc", "x-inertia-partial-data": "a,b", "x-requested-with": "XMLHttpRequest", "accept": "text/html, application/xhtml+xml"})
    yield Request("axios", headers={"x-xsrf-token": "a%3D%3D", "accept": "application/json, text/plain, */*", "if-none-match": 'W/"a-b"', "x-timezone": "Europe/Berlin"})
    yield Request("trace", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "baggage": "sentry-environment=prod,sentry-transaction=GET%20%2Fa%2F%3Aid,user=o%27b", "sentry-trace": "a-b-1", "x-request-id": "a/b=c"})
    yield Request("mobile app", headers={"user-agent": "MyApp/3.2.1 (iPhone; iOS 18.1; Scale/3.00)", "x-device-name": "Ann's iPhone (2)", "x-app-version": "3.2.1+45", "accept-language": "de;q=1, en-GB;q=0.9"})
    yield Request("graphql get", target=f"/echo/graphql?query={component('{ user(id: 7) { name } }')}&variables={component(json.dumps({'a': 1}))}&extensions={component(json.dumps({'persistedQuery': {'version': 1, 'sha256Hash': 'ab'}}))}")
    introspection = "query IntrospectionQuery { __schema { queryType { name } types { ...FullType } } } fragment FullType on __Type { kind name fields(includeDeprecated: true) { name args { ...I } } } fragment I on __InputValue { name }"
    yield document("introspection", {"query": introspection, "operationName": "IntrospectionQuery"}, target="/echo/graphql")
    yield document("graphql literals", {"query": 'mutation { add(text: "it\'s \\"fine\\"; SELECT one", tags: ["a", "b"], at: {gt: 1}) { id } }'}, target="/echo/graphql")
    yield document("graphql comment", {"query": "# it's a comment\nquery Q($a: [ID!]! = [1]) @live { a: user(ids: $a) @include(if: true) { ... on User { name } } }", "variables": None}, target="/echo/graphql")
    yield document("graphql batch", [{"query": "{ a }", "variables": {"x": "it's"}}, {"query": "{ b }"}], target="/echo/graphql")
    yield document("graphql block", {"query": 'mutation { a(t: """\n  it\'s "a" block; <b>bold</b>\n""") { id } }'}, target="/echo/graphql")
    yield Request("graphql upload", "POST", target="/echo/graphql", body=form_data({"operations": '{"query":"mutation($f: Upload!) { up(file: $f) { id } }","variables":{"f":null}}', "map": '{"0":["variables.f"]}'}, {"0": ("a b.png", "image/png", b"\x89PNG")}), headers=FORM_DATA)


def agents():
    for agent in (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "curl/8.5.0", "Wget/1.21.4", "python-requests/2.32.3", "python-httpx/0.28.1",
        "Python/3.12 aiohttp/3.11.0", "okhttp/4.12.0", "Go-http-client/1.1", "Dart/3.5 (dart:io)", "PostmanRuntime/7.43.0", "insomnia/10.1.1", "axios/1.7.7", "node-fetch", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "UptimeRobot/2.0; http://www.uptimerobot.com/", "kube-probe/1.31", "ELB-HealthChecker/2.0", "Prometheus/2.54.0", "Apache-HttpClient/4.5.14 (Java/17.0.12)", "Java/21.0.4", "Ruby", "git/2.47.0", "feedly/1.0", "Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; Galaxy S II Build/GRJ22) AppleWebKit/534.30", "Feedbin feed-id:1 - 2 subscribers",
        "Lynx/2.9.0dev.12 libwww-FM/2.14", "w3m/0.5.3+git20230121", "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; .NET CLR 2.0.50727)", "HTTPie/3.2.2", "k6/0.54.0 (https://k6.io/)", "Locust", "Playwright/1.48", "GuzzleHttp/7", "Bruno/1.0", "CFNetwork/1496.0.7 Darwin/23.5.0", "Thunderbird/128", "Mozilla/5.0 (Ann's \"Browser\"; x)",
    ):
        yield Request(f"agent {agent[:40]}", target="/echo/agent", headers={"user-agent": agent})


def paths():
    for path in ("O'Brien", "caf%C3%A9", "a%20b", "@ann", "a+b", "a,b;c=d", "~ann", "(x)", "2026/11/22/it's-here", "$metadata", "users('7')", "v1.0:run", "a%26b", "%E6%97%A5%E6%9C%AC", "a..b", "x.tar.gz", ".well-known/openid-configuration", ".well-known/acme-challenge/a_b-c", "wiki/C++", "wiki/Select_(SQL)",
                 "tags/c%23", "static/js/main.3f2a.chunk.js", "api/v2/items/7.json", "en-us/", "admin/", "admin/login/", "phpbook", "docs/etc/hosts-file", "bin/list", "select/union/from", "a/b/c/d/e/f/g", "100%25", "-/blob/main", "index.html", "robots.txt", "favicon.ico", "apple-touch-icon.png", "sitemap.xml", "ads.txt", "manifest.webmanifest", "service-worker.js", "graphql-docs"):
        yield Request(f"path {path}", target=f"/echo/{path}")


def admin_forms():
    """Forms of the Django admin, as its pages send them."""
    fields = {"csrfmiddlewaretoken": "a" * 64, "username": "o'brien@example.com", "first_name": "Conan", "last_name": "O'Brien; jr.", "is_active": "on", "groups": "1", "user_permissions": "3", "last_login_0": "2026-11-22", "last_login_1": "12:30:00", "initial-date_joined_0": "2026-01-01", "_continue": "Save and continue editing"}
    yield typed("user", "application/x-www-form-urlencoded", urlencode(fields))
    inline = {"item_set-TOTAL_FORMS": "2", "item_set-INITIAL_FORMS": "1", "item_set-MIN_NUM_FORMS": "0", "item_set-MAX_NUM_FORMS": "1000", "item_set-0-id": "7", "item_set-0-name": "it's", "item_set-0-DELETE": "on", "item_set-__prefix__-id": "", "item_set-__prefix__-name": ""}
    yield Request("inline", "POST", body=form_data({**fields, **inline}, {"item_set-0-file": ("", "application/octet-stream", b"")}), headers=FORM_DATA)
    yield typed("action", "application/x-www-form-urlencoded", "csrfmiddlewaretoken=x&action=delete_selected&select_across=0&index=0&_selected_action=1&_selected_action=2")
    yield typed("json field", "application/x-www-form-urlencoded", urlencode({"data": json.dumps({"a": ["it's", {"b": "<b>"}], "c": "SELECT"}, indent=2)}))
    yield Request("changelist", target="/echo?q=o%27brien+%22jr.%22&o=-2.1&is_active__exact=1&date_joined__gte=2026-11-01+00%3A00%3A00%2B01%3A00&_popup=1&_to_field=id&e=1&all=&p=2")
    yield Request("preserved filters", target="/echo?_changelist_filters=q%3Do%2527brien%26is_staff__exact%3D1%26o%3D-1")


def searches():
    for text in ("it's \"here\"", "a && b", "x' = y", "c:\\temp\\*.txt", "<b>", "1 = 1?", "50%", "#1", "--", "/* */", "';", "()", "\\", "'", '"', "`", "<", "<<", "->", "=>", "$", "{}", "[]", "|", "||", ";;", "..", "../", "//", "://", "%", "%%", "&", "?", "*", "%20", "\t", "é", "日本", "\u200b", "a\u00a0b"):
        yield Request(f"letters {text!r}", target=f"/echo?query={quote_plus(text)}&submit=Go")
        yield document(f"letters {text!r}", {"query": text, "x": [text, text]})
