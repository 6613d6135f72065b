//! A test that each public function of the crate has an example.

use std::fs;
use std::path::Path;

#[test]
fn every_public_function_has_an_example() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut without) = (0, Vec::new());
    let mut paths = vec![source.clone()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(&source).unwrap();
        if name.starts_with("__private") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // An example stands in the lines of documentation and attributes before the function.
        let mut has_example = false;
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("pub fn ") || line.starts_with("pub const fn ") {
                found += 1;
                if !has_example {
                    without.push(format!("{}: {line}", name.display()));
                }
            }
            let is_before = line.starts_with("///") || line.starts_with("#[");
            let is_macro = line.starts_with("$($doc)*");
            has_example = is_macro || is_before && (has_example || line.starts_with("/// ```"));
        }
    }
    assert_eq!(without, [""; 0]);
    assert!(found > 80, "{found}");
}
