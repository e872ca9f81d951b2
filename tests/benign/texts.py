"""What ordinary people write: the values of the benign requests, by the kind of field they belong in."""

#: Names and addresses, as the people themselves write them.
NAMES = """
Conan O'Brien|Siobhán Ní Dhomhnaill|D'Angelo & Sons, Inc.|Ng'ang'a wa Thiong'o|L'Hôpital|Jean-Luc d'Été|Dr. Anna-Lena Groß|Łukasz Żółć
Nguyễn Thị Minh Khai|Þórdís Guðmundsdóttir|Øyvind Ærø|José María Ñúñez de la O|محمد عبد الله|שרה כהן|김민준|山田 太郎|王小明|วิชัย ใจดี|अमित कुमार
Олександр Ґалаґан|Αλέξανδρος Παπαδόπουλος|Զարուհի Հակոբյան|გიორგი ბერიძე|Mary "Molly" O'Neil|Robert 'Bob' Smith|John Smith (the 3rd)|X Æ A-12
van 't Hoff|'s-Hertogenbosch|N'Djamena|Null|True|O''Neil|Ke$ha|P!nk|deadmau5|Smith; Jones & Co.|Select Comfort|Drop, Peter|Ann Table|Union Jack Ltd.
""".replace("\n", "|").strip("|").split("|")

ADDRESSES = [
    "221B Baker Street, London NW1 6XE",
    "1600 Pennsylvania Ave. NW, Apt. #4; ring twice",
    "Straße des 17. Juni 135\n10623 Berlin",
    "c/o O'Malley's Pub & Grill, 12 Rue de l'Église, 75015 Paris",
    "〒100-0001 東京都千代田区千代田1-1",
    "Calle 5 # 10-20, Bogotá",
    "ul. Świętego Jana 3/4, 31-017 Kraków",
    "P.O. Box 1234 -- Attn: Accounts (2nd floor)",
    "Flat 2/1, 5 King's Road; code: *1234#",
    "Via dell'Orso, 7 - 20121 Milano (MI)",
]

PROSE = [
    "Please select the best from the list and drop me a line; or else call my wife's sister.",
    "It's 5 o'clock -- let's go; don't wait up!",
    "I can't log in: it says \"wrong password\" even though it's right... any ideas?",
    "Update: the table from the delivery was broken; insert the legs into the holes and delete the old order where possible.",
    "10% off & free shipping > $50 <3",
    "We <3 you guys! a < b and b > c, so a < c?",
    "He said: \"union members or 1 in 3 = 33% like 'em\" -- the end.",
    "Q: What's 1=1? A: A tautology; that's what it is.",
    "Price: €1.234,56 (incl. 19% VAT) / £999.99 / ¥120,000",
    "The patient's temp. was 38,5°; BP 120/80; HR=72; \"not well\"",
    "../ is what you type to go one folder up, right? And ~ is home.",
    "See https://example.com/a/b?c=d&e=f#g and http://localhost:3000 on my laptop.",
    "email me at o'brien+news@example.co.uk or call +49 (0)30/1234-56 ext. 7",
    "😀😂🤣 ❤️‍🔥 👩‍👩‍👧‍👦 🇪🇺 ¯\\_(ツ)_/¯ (╯°□°)╯︵ ┻━┻",
    ":-) ;-) :'( >:-( <|:-) =) x_x -_- ^^ \\o/ @}->--",
    "TODO: 1) buy milk; 2) call mom & dad; 3) `git push`; 4) $$$",
    "Der Benutzer kann sich nicht anmelden; er sagt: „Passwort falsch“ – obwohl's stimmt.",
    "L'utilisateur n'arrive pas à s'connecter : « mot de passe erroné » ; c'est l'horreur !",
    "¿Dónde está la biblioteca? ¡Qué sé yo! — dijo él; «o eso creo».",
    "これは「テスト」です。<参考>をご覧ください。",
    "他说：“选择 * 从 表格”；真的吗？",
    "Это тест; выберите из таблицы 'пользователи' -- и всё.",
    "هذا اختبار؛ اختر من الجدول 'المستخدمين'",
    "The file is in C:\\Users\\Ann\\Documents\\report (final).docx or \\\\server\\share\\x",
    "I keep it in /home/ann/projects/app/settings.py and my keys in ~/.ssh/config",
    "She scored 10/10; he scored 8/10 || they tied? && so on...",
    "Terms & Conditions: (a) one; (b) two; and/or (c) three.",
    "name=value; other=thing; path=/; that's a cookie",
    "Rock 'n' roll ain't noise pollution; AC/DC '80 -- '81",
    "Is it true that 'or' is a word? 'and' too? Yes: or, and, not, like, in, between, having, group by the pool.",
    "1' 6\" tall; 5'11\"; 3/4\" bolts; 90° 45' 30\" N",
    "To whom it may concern:\n\nI hereby cancel my contract #4711-A as of 12/31/2026.\n\nRegards,\nM. D'Souza\n-- \nSent from my phone",
    "$100 for {name} or ${price}? The mail merge shows {{first_name}} instead of my name!",
    "Hello {{ user.first_name }}, your order %(order)s of %s items is {0} {1:.2f}",
    "I'd like 2 x A4, 3 * A5 = 5 pcs.; total: =SUM(A1:A5)",
    "|a|b|c|\n|--|--|--|\n|1|2|3|",
    "R&D, Q&A, B&B, AT&T; C#, C++, F#, .NET, node.js, @angular/core",
    "100% cotton; 60°C; do not iron!",
    "Ticket closed. Can't reproduce; works for me (Chrome 131, Windows 11). Sleep(5) helped.",
    "User's guide, chap. 5: \"Insert into slot A; select option B from menu C where applicable\"",
    "x' = Ax + Bu; f''(x) = 0; let y' = y; d/dx sin(x) = cos(x)",
    "H₂O → H⁺ + OH⁻; E = mc²; ∑ i=1..n; α ≤ β; A ∪ B",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit; sed do eiusmod tempor.",
    "If you're not sure, then exec your plan B; system (not you) will print what's eval'd.",
    "RT @ann: can't believe it's #monday ;) http://t.co/AbC123",
    "password must contain: A-Z, a-z, 0-9, and one of !@#$%^&*()_+-=[]{};':\"\\|,.<>/?",
    "W/O #: 123; P/N: A-1/2; S/N: 0x1F; MAC 00:1B:44:11:3A:B7; IP 192.168.0.12",
    "the cat sat; ls; pwd; who; date: these are commands in Unix & Linux",
    "id; name; mail\n1; Ann; ann@example.com\n2; Bob; bob@example.com",
    "Grüße aus München! Schöne Grüße an Jürgen; wir seh'n uns.",
]

#: Passwords that password managers and people make.
PASSWORDS = [
    "correct horse battery staple", "x9$Kq!7&zL<2>", "';lkj)(*&", "$(R4nd0m)`x`", "a' b\" c` d", "%41%zz%", "<3<3<3",
    "{{{}}}", "\\n\\t\\0", "Tr0ub4dor&3", "|||&&&;;;", "((((()))))", "ünïcödé ßtraße", "Pa$$w0rd' or what?", "1=1;)", "/**/comment?", "#hash#tag#",
    "J/=,6'>k\"wU$~0|", "8'Or!2=&x", "`~!@#$%^&*()_+", "0x41414141", "${HOME}", "~/x/../y", "q;W:e,R.t<Y>",
]

#: What programmers type into a search field.
SEARCHES = [
    "how to escape a single quote in sql", "select * from users", "SELECT name FROM users WHERE id = 1", "union select difference union all",
    "drop table if exists postgres", "python __init__ vs __new__", "__class__ attribute", "os.system vs subprocess.run", "import os; os.environ",
    "rm -rf node_modules", "curl | bash safe?", "grep -r 'foo' . | wc -l", "ls -la /etc", "/etc/nginx/nginx.conf", "chmod 777",
    "what does 2>&1 mean", "$PATH", "${var:-default}", "jinja2 {{ }} vs {% %}", "{{ user.name }} django template", "{% for x in y %}",
    "<div> vs <span>", "onclick vs addEventListener", "document.cookie httponly", "alert('hello')", "javascript:void(0)",
    "href=\"javascript:void(0)\"", "a => b", "a && b || c", "if (x == 1) { return; }", "for (;;)", "x?.y ?? z", "array[0]", "obj[\"key\"]", "a:b c:d -e",
    "title:foo AND body:bar", "\"exact phrase\" -exclude site:example.com", "name:O'Brien", "(a OR b) AND NOT c", "price:[10 TO 20]", "foo* ba?", "c++ vs c#",
    "regex ^\\d+(\\.\\d+)?$", "[a-z]+", ".*", "(?i)foo", "\\bword\\b", "s/foo/bar/g", "mongodb $ne vs $not", "$gt $lt operators",
    "xpath //div[@class='x']", "ldap (uid=*) filter", "pickle.loads security", "yaml.safe_load",
    "!!python/object", "xml <!DOCTYPE html>", "<?xml version=\"1.0\"?>", "<?php echo 1; ?>", "CDATA", "127.0.0.1 vs 0.0.0.0",
    "169.254.x.x address", "file:///", "C:\\Windows\\System32", "%USERPROFILE%", "%2F in url", "\\u003c", "&nbsp; vs &#160;",
    "base64 decode", "sleep 5", "waitfor delay sql server", "pg_sleep", "order by 1", "having count(*) > 1", "like '%foo%'", "left join where is null",
    "inurl:admin", "phpMyAdmin", "wp-login.php", "nmap -sV", "sqlmap tutorial", "log4j ${jndi}", "CVE-2021-44228", "xss cheat sheet", "csrf token missing",
    "NameError: name 'x' is not defined", "TypeError: 'NoneType' object is not subscriptable", "KeyError: 'a'", "ORA-00933", "error 1064 (42000)",
    "you have an error in your SQL syntax", "Traceback (most recent call last)", "git commit -m \"it's done\"", "docker run -it --rm x sh", "ssh -L 8080:localhost:80",
    "export FOO='bar'; echo $FOO", "awk '{print $1}'", "sed -i 's/a/b/' f", "find . -name '*.py' -exec grep x {} +", "pip install x && y", "cat file | sort | uniq",
    "select 2", "insert coin", "update windows 11", "delete account", "create table chairs", "truncate text css", "grant proposal", "exec summary", "like this",
]

MARKDOWN = [
    "# Title\n\nSome *text* with `code`, a [link](https://example.com/?a=1&b=2 \"it's a title\") and ![an image](/img/a.png).\n\n> quote\n\n- [x] done\n- [ ] todo\n",
    "How do I do this?\n\n```python\nimport os\nfrom myapp import db\n\nclass A:\n    def __init__(self, x):\n        self.__dict__.update(x)\n\n"
    "rows = db.execute(\"SELECT * FROM users WHERE name = ?\", (name,))\nprint(os.environ['HOME'], f\"{rows!r}\")\n```\n\nIt says `KeyError: 'HOME'`.",
    "```sql\nSELECT u.id, count(*) AS n\nFROM users u LEFT JOIN orders o ON o.user_id = u.id\nWHERE u.name LIKE '%O''Brien%' OR u.id IN (1, 2)\n"
    "GROUP BY u.id HAVING count(*) > 1\nUNION ALL SELECT 0, 0 -- totals\nORDER BY 1;\n```",
    "```sql\nCREATE TABLE t (id int primary key, name varchar(20) default 'x');\nINSERT INTO t VALUES (1, 'it''s');\nDROP TABLE IF EXISTS old; /* gone */\n"
    "UPDATE t SET name = 'y' WHERE id = 1;\n```",
    "Run this:\n\n```sh\n#!/bin/sh\nset -e\ncd /var/www && git pull || exit 1\nfor f in *.txt; do echo \"$f\" | tr a-z A-Z > \"out/$f\"; done\n"
    "curl -fsSL https://example.com/install.sh | sh\nrm -rf ./build; kill $(cat app.pid)\n```\n",
    "```console\n$ sudo apt-get update && sudo apt-get install -y nginx\n$ cat /etc/nginx/nginx.conf | grep root\n$ ls -la ~/.ssh; id; whoami\n```",
    "The template is:\n\n```jinja\n{% extends \"base.html\" %}\n{% block body %}{{ user.name|e }} {{ config.TITLE }} {{ 7 * 7 }}{% endblock %}\n```\n",
    "```js\nconst a = async (x) => { await fetch(`/api/${x}`); document.title = 'x'; };\nif (a && b || !c) { console.log(\"it's\", window.location.href); }\n```",
    "```diff\n- <p class=\"a\">old</p>\n+ <p class=\"b\">new</p>\n```\n\nLGTM; merge it.",
    "```html\n<p>Hello <b>world</b></p>\n<a href=\"/x\">y</a>\n```\n",
    "```yaml\nservices:\n  db: {image: \"postgres:16\", environment: [\"A=b\"]}\n  web:\n    command: sh -c \"python manage.py migrate && gunicorn app\"\n```",
    "```json\n{\"a\": {\"$ref\": \"#/definitions/x\"}, \"b\": [1, null, \"it's\"]}\n```",
    "```dockerfile\nFROM python:3.12-slim\nRUN apt-get update && apt-get install -y curl; rm -rf /var/lib/apt/lists/*\nCMD [\"sh\", \"-c\", \"exec uvicorn app:app\"]\n```",
    "```\nTraceback (most recent call last):\n  File \"/srv/app/views.py\", line 41, in get\n    return self.__class__.__name__\nAttributeError: 'NoneType' object has no attribute '__class__'\n```",
    "In Python, `obj.__class__.__name__` gives the class' name; `__import__` is rarely needed; `eval()` is evil.",
    "| a | b |\n|---|---|\n| `x || y` | it's |\n| <br> | \"q\" |\n\n---\n\nfootnote[^1]\n\n[^1]: see <https://example.com/?q='x'>",
    "Use `SELECT 1; -- ping` as a health check, or `sh -c 'true'`. Don't `DROP TABLE x`!",
    "<details><summary>Logs</summary>\n\n```\n2026-01-02 ERROR app: can't connect to 10.0.0.5:5432; retry in 5s\n```\n\n</details>",
    "Fixes #12, closes #34 @ann. `foo.bar(baz=\"it's\")` -> `None`; see ../docs/usage.md and [the spec](../../spec/README.md#x).",
    "~~~ini\n[section]\nkey = 'value' ; comment\npath = /usr/local/bin:$PATH\n~~~",
    "$$\\int_0^1 x^2 dx = \\frac{1}{3}$$ and $a < b$, $x' = y''$ with \\begin{align} a &= b \\\\ c &= d \\end{align}",
]

#: HTML as the editors themselves make it, with nothing that runs.
EDITORS = {
    "quill": "<p>Hello <strong>world</strong>, it's <em>me</em></p><p class=\"ql-align-center\"><span style=\"color: rgb(230, 0, 0);\">red</span> "
    "<span style=\"background-color: rgb(255, 255, 0);\" class=\"ql-size-large\">big</span></p><ol><li data-list=\"bullet\"><span class=\"ql-ui\" "
    "contenteditable=\"false\"></span>one</li></ol><pre class=\"ql-syntax\" spellcheck=\"false\">if (a &lt; b) { }\n</pre><p><br></p>",
    "quill-link": "<p><a href=\"https://example.com/?a=1&amp;b=2\" rel=\"noopener noreferrer\" target=\"_blank\">a link</a> "
    "<a href=\"mailto:ann@example.com\">mail</a></p>",
    "quill-image": "<p><img src=\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\"></p>",
    "tinymce": "<p style=\"text-align: center;\">Dear Ann,&nbsp;</p>\n<table style=\"border-collapse: collapse; width: 100%;\" border=\"1\">\n<tbody>\n<tr>\n"
    "<td style=\"width: 50%;\">1</td>\n<td style=\"width: 50%;\">it's &lt;2&gt;</td>\n</tr>\n</tbody>\n</table>\n<p><a title=\"T\" href=\"../page\" "
    "target=\"_blank\" rel=\"noopener\">x</a></p>\n<hr>\n<p><img src=\"/media/a%20b.png\" alt=\"it's a picture\" width=\"600\" height=\"400\"></p>",
    "tinymce-code": "<pre class=\"language-python\"><code>import os\nprint(\"a &amp; b\")\nfor i in range(3): pass\n</code></pre>",
    "ckeditor": "<h2>Heading</h2><p>Text with <i>style</i> and <u>more</u>.</p><figure class=\"image image-style-side\"><img style=\"aspect-ratio:1280/720;\" "
    "src=\"https://cdn.example.com/a.jpg\" srcset=\"https://cdn.example.com/a.jpg 1x, https://cdn.example.com/b.jpg 2x\" sizes=\"100vw\" width=\"1280\" "
    "height=\"720\" alt=\"\"><figcaption>Caption</figcaption></figure><figure class=\"table\"><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr>"
    "</tbody></table></figure><blockquote><p>quote</p></blockquote>",
    "ckeditor-media": "<figure class=\"media\"><oembed url=\"https://www.youtube.com/watch?v=abc123\"></oembed></figure>",
    "ckeditor-todo": "<ul class=\"todo-list\"><li><label class=\"todo-list__label\"><input type=\"checkbox\" disabled=\"disabled\" checked=\"checked\">"
    "<span class=\"todo-list__label__description\">Milk</span></label></li></ul>",
    "trix": "<div>Hello<br><br>it's <strong>bold</strong> and <a href=\"https://example.com\">linked</a></div><blockquote>q</blockquote><pre>code();</pre>",
    "trix-attachment": "<div><figure data-trix-attachment=\"{&quot;contentType&quot;:&quot;image/png&quot;,&quot;filename&quot;:&quot;a.png&quot;,&quot;filesize&quot;:1234,"
    "&quot;height&quot;:10,&quot;href&quot;:&quot;/uploads/a.png?content-disposition=attachment&quot;,&quot;url&quot;:&quot;/uploads/a.png&quot;,&quot;width&quot;:10}\" "
    "data-trix-content-type=\"image/png\" data-trix-attributes=\"{&quot;presentation&quot;:&quot;gallery&quot;}\" class=\"attachment attachment--preview attachment--png\">"
    "<img src=\"/uploads/a.png\" width=\"10\" height=\"10\"><figcaption class=\"attachment__caption\"><span class=\"attachment__name\">a.png</span> "
    "<span class=\"attachment__size\">1.21 KB</span></figcaption></figure></div>",
    "prosemirror": "<p>a</p><pre><code class=\"language-js\">const a = 1;</code></pre><ul data-type=\"taskList\"><li data-type=\"taskItem\" data-checked=\"true\"><label>"
    "<input type=\"checkbox\" checked=\"checked\"><span></span></label><div><p>x</p></div></li></ul><p><mark data-color=\"#ffc078\" style=\"background-color: #ffc078; "
    "color: inherit\">m</mark></p>",
    "summernote": "<p><font color=\"#ff0000\" face=\"Comic Sans MS\">a</font></p><p><img src=\"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwME\" "
    "style=\"width: 50%;\" data-filename=\"a b.jpg\"></p>",
    "word-paste": "<p class=\"MsoNormal\" style=\"margin:0cm 0cm 8pt;line-height:107%;font-size:11pt;font-family:Calibri,sans-serif\"><b><span lang=\"EN-US\" "
    "style=\"mso-bidi-font-family:&quot;Times New Roman&quot;\">Title<o:p></o:p></span></b></p><!--[if gte mso 9]><xml><w:WordDocument></w:WordDocument></xml><![endif]-->",
    "gdocs-paste": "<b style=\"font-weight:normal;\" id=\"docs-internal-guid-0a1b\"><p dir=\"ltr\" style=\"line-height:1.38;margin-top:0pt;\"><span "
    "style=\"font-size:11pt;font-family:Arial,sans-serif;color:#000000;background-color:transparent;white-space:pre-wrap;\">It's text</span></p></b>",
    "outlook-quote": "<div dir=\"ltr\">Yes.</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, Jan 5, 2026 at 3:04 PM Ann O'Neil &lt;"
    "<a href=\"mailto:ann@example.com\">ann@example.com</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid "
    "rgb(204,204,204);padding-left:1ex\">q</blockquote></div>",
    "entities": "<p>&lt;script&gt;alert(1)&lt;/script&gt; is how one shows a script &amp; &quot;quotes&quot; &#39;</p>",
    "video-file": "<p><video controls=\"controls\" width=\"300\" height=\"150\">\n<source src=\"/media/a.mp4\" type=\"video/mp4\"></video></p>",
    "quill-video": "<iframe class=\"ql-video\" frameborder=\"0\" allowfullscreen=\"true\" src=\"https://www.youtube.com/embed/abc123?showinfo=0\"></iframe>",
    "tinymce-media": "<p><iframe title=\"YouTube video player\" src=\"https://www.youtube.com/embed/abc123\" width=\"560\" height=\"315\" frameborder=\"0\" "
    "allowfullscreen=\"allowfullscreen\"></iframe></p>",
    "ckeditor-preview": "<figure class=\"media\"><div data-oembed-url=\"https://vimeo.com/1\"><iframe src=\"https://player.vimeo.com/video/1\" style=\"position: absolute; "
    "width: 100%;\" frameborder=\"0\" allow=\"autoplay; encrypted-media\" allowfullscreen=\"\"></iframe></div></figure>",
    "inline-svg": "<p><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"24\" height=\"24\"><path d=\"M0 0h24v24H0z\" fill=\"none\"/></svg></p>",
    "mentions": "<p><span class=\"mention\" data-index=\"0\" data-denotation-char=\"@\" data-id=\"7\" data-value=\"Ann\">@Ann</span> hi</p>",
}

#: Documents and programs within a page: a field must be said to hold them.
EMBEDS = {
    "wordpress-style": "<p>x</p><object data=\"/media/a.pdf\" type=\"application/pdf\"></object>",
}

#: Addresses within values.
URLS = [
    "/", "/accounts/profile/", "/admin/shop/item/?q=a&p=1", "https://www.example.com/a?b=c&d=e#f", "https://example.com/callback",
    "com.example.app:/oauth2redirect", "https://app.example.com/oauth/callback?state=x", "//cdn.example.com/a.js", "?page=2", "#top", "/a/b/../c", "index.html",
    "https://example.com/search?q=it%27s+%22quoted%22", "https://example.com/%E2%9C%93/%20x", "mailto:ann@example.com?subject=Hi", "https://user@example.com/x",
    "https://example.com:8443/x;jsessionid=ABC?x=1", "https://maps.example.com/@52.5,13.4,12z/data=!3m1!4b1", "tel:+493012345", "ftp://ftp.example.com/pub/a.tar.gz",
    "https://example.com/next?next=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc", "urn:ietf:wg:oauth:2.0:oob", "data:image/gif;base64,R0lGODlhAQABAAAAACw=", "https://xn--mnchen-3ya.example/",
    "https://de.wikipedia.org/wiki/Stra%C3%9Fe_(Begriffskl%C3%A4rung)", "https://git.example.com/a/b/-/blob/main/c.py#L10-L20", "git@example.com:ann/repo.git",
    "s3://bucket/key with space.csv", "postgres://db.example.com:5432/app", "https://hooks.example.com/services/T000/B000/XXXX",
]

#: Opaque strings.
TOKENS = [
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "c29tZSBvcmRpbmFyeSB0ZXh0IHdpdGggYSBxdW90ZSAnIGFuZCA8Yj4=", "PHA+SGVsbG8gPGI+d29ybGQ8L2I+PC9wPg==", "eyJhIjogMSwgImIiOiAiaXQncyJ9", "550e8400-e29b-41d4-a716-446655440000",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV", "W/\"abc-123\"", "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "AKIAIOSFODNN7EXAMPLE", "0.AX0A~x-y_z.abc", "2026-11-22T12:34:56.789+01:00",
    "1,2,3", "10..20", "-1", "1e10", "0", "", " ", "null", "undefined", "NaN", "true", "[object Object]", "a,b;c|d", "52.5200,13.4050", "#ff00aa", "rgba(0,0,0,.5)",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEabc+/=\n-----END PUBLIC KEY-----", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabc ann@laptop", "$2b$12$abcdefghijklmnopqrstuv",
    "pbkdf2_sha256$870000$abc$def/+=", "gAAAAABm_abc-DEF_123==", ".eJxVjEEOwiAQRe_C2hCGKVBcuvcMZIYZpGpoUtqV8e7apAvd_vfef6lI21ri1mWJE6uzQnX63QjSQ9oO-E7tNus0t3WZSO-KPmjX15nleT3cv4NCvXxr", "GA1.2.123456789.1700000000",
]

#: Documents that are themselves pasted into a field.
PASTED = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<order id=\"7\"><item sku='a'>it&apos;s</item><!-- note --></order>", "<svg width=\"10\" height=\"10\"></svg>".replace("svg", "shape"),
    "{\"name\": \"it's\", \"tags\": [\"a\", \"b\"], \"n\": {\"$oid\": \"507f1f77bcf86cd799439011\"}}", "a,b,c\n1,\"it's, ok\",3\n=SUM(A1:A2),,\n",
    "BEGIN:VCARD\nVERSION:3.0\nFN:Ann O'Neil\nTEL;TYPE=cell:+49 30 1\nEND:VCARD", "DEBUG:root:x=1; y='2'\nINFO GET /a?b=c HTTP/1.1\" 200 12 \"-\" \"Mozilla/5.0\"",
    "def f(x):\n    return [y for y in x if y != '' and not y.startswith('_')]\n\nprint(f(open('/tmp/a').read().split(';')))",
    "const f = (a) => a.map(x => `${x}`); // it's fine\nmodule.exports = { f };", "body { color: red; background: url('/a.png'); } /* x */ @media (max-width: 5em) { a:hover { top: 0 } }",
    "User-agent: *\nDisallow: /admin/\nSitemap: https://example.com/sitemap.xml", "0 5 * * 1 /usr/bin/backup.sh >> /var/log/backup.log 2>&1", "FOO=bar\nSECRET='a b'\nexport PATH=$PATH:/opt/bin",
    "From: ann@example.com\nTo: bob@example.com\nSubject: Re: it's\n\nHello", "Set-Cookie: a=b\r\nContent-Length: 5\r\n\r\nhello (from my curl -v output)",
    "Host web\n  HostName 10.0.0.5\n  User ann\n  IdentityFile ~/.ssh/id_ed25519", "server { listen 80; location / { proxy_pass http://127.0.0.1:8000; } }",
    "query { user(id: \"7\") { name, posts(first: 10) { edges { node { title } } } } }", "^/api/(?P<version>v\\d+)/(?:users|groups)/$", "SELECT 1", "SELECT id, name FROM shop_item WHERE price > 10 ORDER BY name LIMIT 5;",
]

#: What is written as an attack is: the whole value works as one. A field whose visitors must be able to write it needs an exception.
LIKE_ATTACKS = {
    "a password with a closed quote and a comment": "zK#*9'--qR",
    "a file of the system": "/etc/hosts",
    "the name of a tag": "<script> tag defer vs async",
    "an operator of MongoDB": "{\"$in\": [1,2]}",
    "a condition": "1 or 1=1",
    "a condition in quotes": "' or '1'='1 explained",
    "a filter of LDAP": "(&(objectClass=user)(cn=*))",
    "an address of this machine": "http://localhost:8000/",
    "an address within": "http://10.0.0.5:8080/health",
    "a path upwards": "../../static/img",
    "a script to try": "<script>alert(1)</script>",
    "an import": "`__import__('os')` is rarely needed",
    "a template": "{{ config.items() }}",
    "a command": "$(curl https://example.com/x)",
}

#: Documents that tell of a server's inside, with addresses that only it can reach: their route is no one else's.
TELEMETRY = {
    "a trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "http.url", "value": {"stringValue": "http://10.0.0.5:8080/a"}}]}]}]}]},
    "an error of a page in development": {"event_id": "0a1b", "request": {"url": "http://localhost:3000/"}},
}
