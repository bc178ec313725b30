//! YAML as people write it, and what is refused.

use super::*;
use crate::spec::diagnostic::Diagnostic;

fn parse(text: &str) -> Node {
    match read("test.yaml", text.as_bytes()) {
        Ok((_, node)) => node,
        Err(found) => panic!("{}", shown(&found)),
    }
}

fn refused(text: impl AsRef<[u8]>) -> Vec<Diagnostic> {
    read("test.yaml", text.as_ref()).unwrap_err()
}

fn shown(found: &[Diagnostic]) -> String {
    let texts: Vec<String> = found.iter().map(|d| d.render(false, 100)).collect();
    texts.join("\n\n")
}

/// `message at line:column`, one for each finding.
fn brief(text: impl AsRef<[u8]>) -> Vec<String> {
    let brief = |d: &Diagnostic| {
        let place = d.span().map(|span| d.source.position(span.start));
        let place = place.map_or("file".to_owned(), |p| format!("{}:{}", p.line, p.column));
        format!("{place} {}", d.message)
    };
    refused(text).iter().map(brief).collect()
}

#[test]
fn a_tree_knows_where_everything_is_written() {
    let text = "title: Look\nsteps:\n  - id: a   # first\n    if: 'x == 1'\n  - [1, \"two\"]\n\nlast: |\n  x\n  y\n";
    let (source, root) = read("test.yaml", text.as_bytes()).unwrap();
    assert_eq!(source.slice(root.get("title").unwrap().span), "Look");
    let steps = root.get("steps").unwrap();
    assert_eq!(
        source.slice(steps.span),
        "- id: a   # first\n    if: 'x == 1'\n  - [1, \"two\"]"
    );
    let items = steps.items().unwrap();
    assert_eq!(
        source.slice(items[0].span),
        "id: a   # first\n    if: 'x == 1'"
    );
    assert_eq!(source.slice(items[0].get("if").unwrap().span), "'x == 1'");
    assert_eq!(items[0].get("if").unwrap().text(), Some("x == 1"));
    assert_eq!(source.slice(items[1].span), "[1, \"two\"]");
    assert_eq!(source.slice(items[1].items().unwrap()[1].span), "\"two\"");
    assert_eq!(root.get("last").unwrap().text(), Some("x\ny\n"));
    let (key, _) = &root.entries().unwrap()[2];
    assert_eq!(source.slice(key.span), "last");
}

#[test]
fn scalars_stay_what_they_look_like() {
    let root = parse(
        "[no, on, 012, 1e3, '', \"null\", ~, null, , x]"
            .replace(", ,", ",")
            .as_str(),
    );
    let texts: Vec<_> = root.items().unwrap().iter().map(Node::text).collect();
    assert_eq!(
        texts[..4],
        [Some("no"), Some("on"), Some("012"), Some("1e3")]
    );
    assert_eq!(texts[4..6], [Some(""), Some("null")]);
    assert_eq!(texts[6..8], [None, None]);
    let root = parse("a:\nb: x\n");
    let (_, nothing) = &root.entries().unwrap()[0];
    assert!(nothing.is_null());
    assert!(nothing.span.is_empty());
    assert!(parse("").is_null());
    assert!(parse("# nothing\n").is_null());
    assert!(parse("---\na: b\n").get("a").is_some());
    assert!(parse("\u{feff}a: b\r\nc: d\r\n").get("c").is_some());
}

#[test]
fn what_could_surprise_is_refused() {
    assert_eq!(
        brief("a: &x 1\nb: *x\nc: *y\n"),
        [
            "1:4 anchors are not supported",
            "2:4 aliases are not supported",
            "3:4 aliases are not supported"
        ]
    );
    assert_eq!(
        brief("a: !!str 1\nb: !x [1]\n"),
        ["1:4 tags are not supported", "2:4 tags are not supported"]
    );
    assert_eq!(brief("<<: { a: 1 }"), ["1:1 merge keys are not supported"]);
    assert_eq!(
        brief("a: 1\n---\nb: 2\n"),
        ["2:1 only one document a file is supported"]
    );
    assert_eq!(
        brief("%YAML 1.1\n---\na: 1\n"),
        ["1:1 directives are not supported"]
    );
    assert_eq!(
        brief("{ a: 1, b: 2, a: 3 }"),
        ["1:15 the key `a` is there twice"]
    );
    assert_eq!(
        brief("? [a]\n: b\n"),
        ["1:3 a key must be a word, not a list or mapping"]
    );
    assert_eq!(brief("~: b\n"), ["1:1 the key before `:` is missing"]);
    assert_eq!(
        brief("call: {{ params.x }}\n"),
        ["1:8 text that begins with `{{` needs quotes"]
    );
    let many: String = (0..40).map(|i| format!("k{}: 1\n", i % 38)).collect();
    assert_eq!(brief(many).len(), 2);
}

#[test]
fn mistakes_are_said_in_plain_words() {
    for (text, expected) in [
        ("a:\n\tb: 1\n", "2:2 a tab stands where spaces belong"),
        ("a: b: c\n", "1:5 `:` is not allowed here"),
        ("a: [1, 2\n", "1:4 the bracket `[` is never closed"),
        (
            "a: 'x\nb: 1\n",
            "2:1 the quoted text above goes on here without indentation",
        ),
        ("a: 'x' y\n", "1:8 something follows the closing quote"),
        ("a: 'x", "1:4 the closing quote is missing"),
        ("a: @x\n", "1:4 text cannot begin with `@` here"),
        ("a: \"\\q\"\n", "1:4 this escape is not known"),
        (
            "a:\n  b: 1\n c: 2\n",
            "3:2 the indentation fits nothing above",
        ),
        ("a: *\n", "1:4 anchors and aliases are not supported"),
        ("a: 1\n- b\n", "2:1 the indentation fits nothing above"),
        ("a: ]\n", "1:4 a bracket is closed that was not opened"),
        (
            "a: {, b: 1}\n",
            "1:5 a value is missing inside the brackets",
        ),
        ("a: [b,, c]\n", "1:7 a value is missing inside the brackets"),
        ("a: 1\nb\n", "2:1 a key with its `:` was expected here"),
    ] {
        assert_eq!(brief(text), [expected], "{text}");
    }
}

#[test]
fn hostile_text_is_refused_and_shown_escaped() {
    assert_eq!(
        brief(b"a: 1\nb: \xff\n"),
        ["2:4 the file is not UTF-8: byte 8 cannot be read"]
    );
    for (text, place) in [
        ("a: x\0y\n", "1:5"),
        ("a: x\u{202e}y\n", "1:5"),
        ("# x\u{200b}y\n", "1:4"),
        ("a: x\u{1b}[2J\n", "1:5"),
        ("a: x\ry\n", "1:5"),
        ("a: \"x\\u202ey\"\n", "1:4"),
        ("a: \"x\\0\"\n", "1:4"),
    ] {
        let found = brief(text);
        assert_eq!(found.len(), 1, "{text:?}");
        assert!(found[0].starts_with(place), "{text:?}: {found:?}");
        assert!(found[0].contains("is not allowed"), "{found:?}");
        let text = shown(&refused(text));
        assert!(!text.contains(['\0', '\u{202e}', '\u{200b}', '\u{1b}', '\r']));
    }
    assert_eq!(
        parse("a: |\n  x\ty\n").get("a").unwrap().text(),
        Some("x\ty\n")
    );
}

#[test]
fn bombs_are_refused_at_once() {
    let started = std::time::Instant::now();
    let deep = "[".repeat(100_000);
    assert_eq!(brief(&deep), ["1:65 nested deeper than 64 levels"]);
    let deep = "a: ".to_owned() + &"{ a: ".repeat(50_000);
    assert_eq!(brief(&deep).len(), 1);
    let deep: String = (0..2_000).map(|i| " ".repeat(i) + "a:\n").collect();
    assert_eq!(brief(&deep), ["65:65 nested deeper than 64 levels"]);
    let deep = "- ".repeat(100_000);
    assert_eq!(brief(&deep).len(), 1);
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &(b'b'..=b'z')
            .map(|c| {
                let (this, last) = (c as char, (c - 1) as char);
                format!(
                    "{this}: &{this} [{}]\n",
                    vec![format!("*{last}"); 9].join(", ")
                )
            })
            .collect::<String>();
    assert!(brief(&bomb).len() >= 20);
    assert_eq!(
        brief(vec![b' '; MAX_BYTES + 1]),
        ["file the file has 4194305 bytes; at most 4194304 are read"]
    );
    let wide = format!("[{}]", "a,".repeat(MAX_NODES + 5));
    assert_eq!(brief(wide).len(), 1);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_finding_is_shown_with_its_line() {
    let files = [
        "id: x\ntitle: One\nsteps: []\n# far\n# away\nid: again\nid: third\n".to_owned(),
        "title: a\u{202e}b \u{200b}c\n".to_owned(),
        "a:\n\tb: 1\n".to_owned(),
        "a: [1, 2\n".to_owned(),
        format!("a: '{}' b", "x".repeat(5000)),
        " ".repeat(MAX_BYTES + 1),
    ];
    let texts: Vec<String> = files.iter().map(|text| shown(&refused(text))).collect();
    insta::assert_snapshot!(texts.join("\n\n"), @r#"
    error[doubled-key]: the key `id` is there twice
     --> test.yaml:6:1
      |
    1 | id: x
      | -- first here
    ...
    6 | id: again
      | ^^ again here

    error[doubled-key]: the key `id` is there twice
     --> test.yaml:7:1
      |
    1 | id: x
      | -- first here
    ...
    7 | id: third
      | ^^ again here

    error[unsafe-character]: \u{202e} is not allowed: characters that reorder text can hide what is written
     --> test.yaml:1:9
      |
    1 | title: a\u{202e}b \u{200b}c
      |         ^^^^^^^^
      |
      = help: remove it

    error[unsafe-character]: \u{200b} is not allowed: invisible characters can hide what is written
     --> test.yaml:1:12
      |
    1 | title: a\u{202e}b \u{200b}c
      |                   ^^^^^^^^
      |
      = help: remove it

    error[yaml-syntax]: a tab stands where spaces belong
     --> test.yaml:2:2
      |
    2 |     b: 1
      |     ^
      |
      = help: replace it by spaces

    error[yaml-syntax]: the bracket `[` is never closed
     --> test.yaml:1:4
      |
    1 | a: [1, 2
      |    ^
      |
      = help: close it, or put the text in quotes

    error[yaml-syntax]: something follows the closing quote
     --> test.yaml:1:5007
      |
    1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' b
      |                                                ^
      |
      = help: put the whole text in quotes; inside '…' write '' for a quote, inside "…" write \"

    error[too-large]: the file has 4194305 bytes; at most 4194304 are read
    --> test.yaml
    "#);
}

/// The maintained continuation of serde_yaml must see the same values in what we accept.
#[test]
fn an_independent_parser_sees_the_same_values() {
    let corpus = [
        "",
        "a: 1\nb: [x, 'y', \"z\\n\"]\nc: { d: e, f: [] }\n",
        "- a\n- b: c\n  d: |\n    one\n    two\n\n  e: >-\n    folded\n    text\n- - nested\n  -\n",
        "text: plain text over\n  two lines # comment\nother: 'it''s'\n",
        "keep: |+\n  x\n\n\nstrip: |-\n  y\n\nindent: |2\n    z\n",
        "url: https://x.example/a#b\ntime: 12:30:45\nglob: a*b\nshell: echo $HOME && x\n",
        "\"quoted key\": 1\n? explicit\n: value\n'single': 2\n",
        "a:\n- not indented\n- b\nc:\n    - deep\n",
        "empty: ''\nnothing:\ntilde: ~\nlist: [a, b, ]\n",
        "double: \"a\\tb\\x41\\u00fc \\\n  joined\"\n",
        "unicode: größer → ok\nemoji: 🦀\n",
        "{a: b, \"c\":d, e: , f}\n",
        "steps: [ { id: a, call: $X y }, { id: b } ]\n",
    ];
    for text in corpus {
        let theirs: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        compare(&parse(text), &theirs, text);
    }
}

/// So it must in every file that is shipped.
#[test]
fn an_independent_parser_sees_the_same_values_in_shipped_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("adapters"), root.join("runbooks")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                let theirs: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
                compare(&parse(&text), &theirs, &path.to_string_lossy());
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

fn compare(ours: &Node, theirs: &serde_yaml::Value, file: &str) {
    use serde_yaml::Value as Yaml;
    match (&ours.kind, theirs) {
        (Kind::Scalar(scalar), Yaml::Null) => assert!(scalar.is_null(), "{scalar:?} in {file}"),
        (Kind::Scalar(scalar), Yaml::String(text)) => assert_eq!(&scalar.text, text, "{file}"),
        (Kind::Scalar(scalar), Yaml::Bool(b)) => assert_eq!(scalar.text, b.to_string()),
        (Kind::Scalar(scalar), Yaml::Number(number)) => {
            assert!(scalar.plain);
            assert_eq!(scalar.text.parse::<f64>().ok(), number.as_f64(), "{file}");
        }
        (Kind::Seq(items), Yaml::Sequence(theirs)) => {
            assert_eq!(items.len(), theirs.len(), "{file}");
            items
                .iter()
                .zip(theirs)
                .for_each(|(a, b)| compare(a, b, file));
        }
        (Kind::Map(entries), Yaml::Mapping(theirs)) => {
            assert_eq!(entries.len(), theirs.len(), "{file}");
            for ((key, ours), (name, theirs)) in entries.iter().zip(theirs) {
                assert_eq!(Some(key.text.as_str()), name.as_str(), "{file}");
                compare(ours, theirs, file);
            }
        }
        (ours, theirs) => panic!("{ours:?} is not {theirs:?} in {file}"),
    }
}

proptest::proptest! {
    /// Any bytes are read or refused, and every finding has a place that can be shown.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-c:\\-\\[\\]{}#&*!|>'\"%@,? \n\t~\\\\ü\u{202e}]{0,60}") {
        if let Err(found) = read("test.yaml", text.as_bytes()) {
            proptest::prop_assert!(!found.is_empty());
            shown(&found);
            found.iter().for_each(|d| { d.to_json(); });
        }
    }
}
