//! Files that were damaged at random.

use proptest::prelude::*;

use super::*;

const TOKENS: [&str; 24] = [
    "steps:",
    "- ",
    "\n",
    "{{ ",
    " }}",
    "undo: ",
    "needs: [x]",
    "parallel: true",
    "for_each: ",
    "$TOOL ",
    "$",
    "'",
    "\"",
    ": ",
    "{",
    "[",
    "-",
    "--",
    "ü",
    "if: false",
    "steps.status.output",
    "run: |\n",
    "\u{0}",
    "none",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever becomes of a file, reading and checking it ends with findings, never worse.
    #[test]
    fn files_do_no_harm(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..40, 0usize..24), 1..6),
    ) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(root.join("tests/data/every-key.yaml")).unwrap();
        for (at, length, token) in &cuts {
            let floor = |i: usize| (0..=i.min(text.len())).rev().find(|i| text.is_char_boundary(*i));
            let start = floor(at.index(text.len() + 1)).unwrap_or(0);
            let end = floor(start + length).unwrap_or(start).max(start);
            text.replace_range(start..end, TOKENS[*token]);
        }
        let mut found = Diagnostics::new();
        if let Some(runbook) = runbook::read("every-key.yaml", text.as_bytes(), &mut found) {
            let runbooks = IndexMap::from([(runbook.name.value.clone(), runbook)]);
            let contracts = shipped_contracts();
            let library = Library::new(&runbooks, &contracts);
            found.merge(check(&"every-key".parse().unwrap(), &library));
        }
        found.render(false, 100);
    }
}
