//! What counts as code, as live code and as an import.

use super::source::{File, mark_test_files, paths};

#[test]
fn comments_and_texts_are_no_code() {
    let file = File::new(
        "src/run/x.rs",
        r##"let a = "print // not"; // println!()
let b = '"'; let c: &'static str = r#"un"wrap"#; /* dbg!( /* */ */ let d = b'\''; let e = b"x";
"##,
    );
    assert!(!file.code.contains("print"), "{}", file.code);
    assert!(!file.code.contains("wrap"), "{}", file.code);
    assert!(!file.code.contains("dbg"), "{}", file.code);
    assert!(file.code.contains("let c: &'static str ="));
    assert!(file.code.contains("let e ="));
    assert_eq!(file.code.len(), file.text.len());
    assert_eq!(file.at(file.text.find("let b").unwrap()), "src/run/x.rs:2");
}

#[test]
fn test_code_is_not_live() {
    let text = "use a::{b, c};\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn f() { g(); }\n}\nfn live() {}\n\
                #[cfg(test)]\nuse only::{tests};\n#[cfg(test)]\nconst N: [u8; 2] = [1, 2];\nfn more() {}\n";
    let file = File::new("src/run/x.rs", text);
    for gone in ["g()", "only", "const N"] {
        assert!(!file.live.contains(gone), "{gone}: {}", file.live);
    }
    for there in ["use a", "fn live", "fn more"] {
        assert!(file.live.contains(there), "{there}: {}", file.live);
    }
}

#[test]
fn files_that_only_tests_see_are_not_live() {
    let mut files = vec![
        File::new("src/expr/mod.rs", "mod a;\n#[cfg(test)]\nmod checks;\n"),
        File::new("src/expr/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests;\n"),
        File::new(
            "src/expr/b.rs",
            "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;\n",
        ),
        File::new("src/expr/checks.rs", "fn c() {}"),
        File::new("src/expr/checks/deep.rs", "fn c() {}"),
        File::new("src/expr/a/tests.rs", "fn c() {}"),
        File::new("src/expr/b_tests.rs", "fn c() {}"),
        File::new("src/expr/tests.rs", "fn live() {}"),
    ];
    mark_test_files(&mut files);
    let live: Vec<_> = files
        .iter()
        .filter(|file| file.live.contains("fn"))
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(live, ["src/expr/a.rs", "src/expr/tests.rs"]);
}

#[test]
fn paths_are_found_in_use_lines_and_elsewhere() {
    let code = "use crate::model::{self, call::{Work, Reply as R}, Value};\n\
                fn f() -> crate::spec::Node { crate :: plan::build() }\nuse not_crate::x;";
    let found: Vec<String> = paths(code, "crate")
        .into_iter()
        .map(|named| named.path.join("::"))
        .collect();
    assert_eq!(
        found,
        [
            "model::self",
            "model::call::Work",
            "model::call::Reply",
            "model::Value",
            "spec::Node",
            "plan::build",
        ]
    );
}

#[test]
fn a_file_knows_its_floor_and_its_depth() {
    let depth = |path: &str| File::new(path, "").depth();
    assert_eq!(File::new("src/run/x.rs", "").floor(), "run");
    assert_eq!(File::new("src/main.rs", "").floor(), "main");
    assert_eq!(depth("src/run/x.rs"), 2);
    assert_eq!(depth("src/run/mod.rs"), 1);
    assert_eq!(depth("src/spec/yaml/read.rs"), 3);
    assert_eq!(depth("src/main.rs"), 1);
}
