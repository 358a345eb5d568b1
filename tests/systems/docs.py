#!/usr/bin/env python3
"""docs.py STACKGEN: the documents of every stack, given to what reads them: html5lib, an XML parser, markdown-it, Mermaid
and Chromium, which has no network. Prints `ok ...` or `FAIL ...` for each check."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
VENV = TOOLS / "docs/venv"
BROWSER = TOOLS / "root/docs"
MERMAID = TOOLS / "docs/node_modules/mermaid/dist/mermaid.min.js"
PROGRAM = "/usr/lib/chromium/chromium-headless-shell"

sys.path[:0] = [str(path) for path in VENV.glob("lib/python*/site-packages")]
import html5lib  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402

failed = []

# What a page says of itself once it is laid out: put at its end, and read back as text.
MEASURE = """<script>
const wide = [...document.querySelectorAll('.topology text:not(.heading)')].filter(text => {
  const box = text.parentNode.querySelector('rect'), inside = box.getBBox(), own = text.getBBox();
  return own.x < inside.x || own.x + own.width > inside.x + inside.width || own.y + own.height > inside.y + inside.height;
}).map(text => text.textContent);
const out = document.createElement('pre');
out.id = 'measured';
out.textContent = JSON.stringify({
  width: document.documentElement.scrollWidth, window: innerWidth, wide,
  texts: document.querySelectorAll('.topology text').length,
  paper: getComputedStyle(document.body).backgroundColor,
});
document.body.append(out);
</script>"""

DRAW = """<!DOCTYPE html><meta charset="utf-8"><div id="drawn"></div><pre id="measured"></pre>
<script src="mermaid.min.js"></script><script>
const out = document.getElementById('measured');
mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' });
mermaid.render('picture', TEXT).then(
  drawn => { document.getElementById('drawn').innerHTML = drawn.svg; out.textContent = JSON.stringify({
    nodes: document.querySelectorAll('g.node').length, scripts: document.querySelectorAll('#drawn script, #drawn img').length,
    texts: [...document.querySelectorAll('g.node')].map(n => n.textContent) }); },
  error => { out.textContent = JSON.stringify({ error: String(error) }); });
</script>"""

HOSTILE = """stackgen: 1
name: shop
title: "</style></svg><script>document.title = 'run'</script> `a` | [b](javascript:alert(1))"
notes: ["--> <script>alert(1)</script>", "- [x] \\n# not a heading\\n```"]
certificates: { email: a@example.com }
services:
  www:
    image: "nginx:1.28"
    listen: 80
    url: https://www.example.com
    title: "\\"]; click n0 call alert() <img src=x onerror=alert(1)>"
    healthcheck: { command: [nginx, -t] }
  later: { status: planned, kind: redis, title: "<b>", reason: "\\"]:::x end %%{init: {}}%% <img src=x>" }
"""


def check(what, fine, detail=""):
    print(f"{'ok' if fine else 'FAIL'} {what}{'' if fine else f': {detail}'}")
    if not fine:
        failed.append(what)


def manifests(work):
    """Name, manifest and environment of every stack, and of ones that mean harm or are large."""
    for manifest in sorted(ROOT.glob("stacks/*/stack.*")):
        stem = manifest.stem.removeprefix("stack").removeprefix(".")
        if manifest.suffix in (".yaml", ".toml"):
            yield f"{manifest.parent.name}{'.' if stem else ''}{stem}", manifest.parent, stem
    for name, text in (("hostile", HOSTILE), ("large", large())):
        (work / name).mkdir()
        (work / name / "stack.yaml").write_text(text)
        yield name, work / name, ""


def large():
    """Thirty services, some with names and images as long as they may be."""
    services = "".join(
        f"  {'a-service-with-a-long-name-' * 2 if i % 7 == 0 else 'service'}{i}: {{ image: \"registry.example.com/{'team/' * 12}app:1.{i}\", "
        f"listen: 80, url: \"https://name{i}.a-very-long-domain-name-that-goes-on.example.com\", healthcheck: {{ command: [a] }}, "
        f"memory: 64MiB, volumes: {{ data: {{ mount: /data }} }} }}\n"
        for i in range(30)
    )
    return f"stackgen: 1\nname: large\ncertificates: {{ email: a@example.com }}\nservices:\n{services}"


def browse(folder, page, width, dark=False):
    """The page as Chromium has it after its scripts: without a network, in a root of its own."""
    script = """
        mount --make-rprivate / && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs tmpfs "$0/tmp"
        mkdir "$0/tmp/page" && cp -r "$1/." "$0/tmp/page/"
        HOME=/tmp exec timeout 60 chroot "$0" "$2" --no-sandbox --no-zygote --disable-gpu --disable-dev-shm-usage \
            --hide-scrollbars --virtual-time-budget=15000 --window-size="$3",1600 $4 --dump-dom "file:///tmp/page/$5"
    """
    theme = "--blink-settings=preferredColorScheme=0" if dark else "--blink-settings=preferredColorScheme=1"
    run = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", script, BROWSER, folder, PROGRAM, str(width), theme, page],
        capture_output=True, text=True, timeout=90,
    )
    found = re.search(r'<pre id="measured">(.*?)</pre>', run.stdout, re.S)
    return json.loads(html.unescape(found.group(1))) if found and found.group(1) else {"error": run.stderr[-500:]}


def the_page(name, text, folder):
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    try:
        tree = parser.parse(text)
    except Exception as error:  # noqa: BLE001  whatever it finds is a fault
        check(f"{name}: HTML without a fault", False, f"{error!r} at {parser.tokenizer.stream.position()}")
        return
    check(f"{name}: HTML without a fault", True)
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    links = [e.get("href") for e in tree.iter("a")]
    check(f"{name}: every id is there once", len(ids) == len(set(ids)), ids)
    lost = [to for to in links if to.startswith("#") and to[1:] not in ids]
    check(f"{name}: links inside lead somewhere ({len(links)} links)", not lost and len(links) > 5, lost)
    odd = [to for to in links if not to.startswith(("#", "https://", "http://"))]
    loads = [e.tag for e in tree.iter() if e.tag in ("script", "img", "link", "iframe", "object") or e.get("src")]
    check(f"{name}: the page loads nothing and runs nothing", not odd and not loads, odd + loads)
    (folder / "page.html").write_text(re.sub(r"<meta http-equiv=[^>]*>", "", text).replace("</body>", MEASURE + "</body>"))
    papers = set()
    for width, dark in ((390, False), (390, True), (1280, False), (1280, True)):
        said = browse(folder, "page.html", width, dark)
        papers.add(said.get("paper"))
        fits = said.get("window") == width and said.get("width", 9999) <= width
        check(f"{name}: fits {width} pixels{', dark' if dark else ''}", fits, said)
        if not dark:
            fine = not said.get("wide") and said.get("texts", 0) > 0
            check(f"{name}: no text of the picture is wider than its box ({said.get('texts')} texts)", fine, said.get("wide"))
    check(f"{name}: light and dark differ", len(papers) == 2, papers)


def the_markdown(name, text, folder):
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    heads = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open" and t.tag == "h2"]
    slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
    inline = [child for t in tokens if t.type == "inline" for child in t.children]
    links = [c.attrs["href"] for c in inline if c.type == "link_open"]
    lost = [to for to in links if to.startswith("#") and to[1:] not in slugs]
    check(f"{name}: Markdown has its sections, and links lead to them", len(heads) > 5 and not lost, lost)
    odd = [to for to in links if not to.startswith(("#", "https://", "http://"))]
    raw = [t.content for t in tokens[1:] if "html" in t.type] + [c.content for c in inline if "html" in c.type]
    check(f"{name}: Markdown without HTML and odd links", not odd and not raw, odd + raw)
    columns, uneven = 0, []
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            end = next(j for j in range(i, len(tokens)) if tokens[j].type == "tr_close")
            cells = sum(t.type in ("td_open", "th_open") for t in tokens[i:end])
            columns = cells if tokens[i + 1].type == "th_open" else columns
            uneven += [] if cells == columns else [tokens[i].map]
    tables = sum(t.type == "table_open" for t in tokens)
    check(f"{name}: every row of {tables} tables has its cells", not uneven and tables > 3, uneven)
    fences = [t for t in tokens if t.type == "fence"]
    picture = [t.content for t in fences if t.info == "mermaid"]
    for block in (t.content for t in fences if t.info == "sh"):
        run = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        if run.returncode:
            check(f"{name}: commands read as a shell reads them", False, f"{run.stderr}\n{block}")
    check(f"{name}: {len(fences)} blocks of code, one a picture", len(picture) == 1, len(picture))
    shutil.copy(MERMAID, folder)
    quoted = json.dumps(picture[0]).replace("<", "\\u003c")
    (folder / "draw.html").write_text(DRAW.replace("TEXT", quoted))
    said = browse(folder, "draw.html", 1280)
    fine = said.get("nodes") == len(re.findall(r"\]:::\w+$", picture[0], re.M)) and not said.get("scripts")
    check(f"{name}: Mermaid draws all {said.get('nodes')} boxes", fine, said)


def main():
    stackgen = Path(sys.argv[1]).resolve()
    for path in (BROWSER / PROGRAM[1:], MERMAID, VENV):
        if not path.exists():
            sys.exit(f"FAIL {path} is missing; `bash .ci/tools docs` installs it")
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        for name, stack, env in manifests(work):
            out, folder = work / f"{name}.docs", work / f"{name}.pages"
            folder.mkdir()
            command = [stackgen, "docs", stack, "-o", out, *(["--env", env] if env else [])]
            run = subprocess.run(command, capture_output=True, text=True, timeout=60)
            check(f"{name}: documents are written", run.returncode == 0, run.stderr)
            if run.returncode:
                continue
            the_page(name, (out / "infrastructure.html").read_text(), folder)
            the_markdown(name, (out / "INFRASTRUCTURE.md").read_text(), folder)
            try:
                picture = xml.parse(out / "topology.svg").getroot()
                named = picture.get("role") == "img" and picture[0].tag.endswith("title") and picture[1].tag.endswith("desc")
                check(f"{name}: the picture is XML and says what it shows", named, picture.attrib)
            except xml.ParseError as error:
                check(f"{name}: the picture is XML", False, error)
    sys.exit(1 if failed else 0)


main()
