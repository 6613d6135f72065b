//! `portcullis creds`.

use std::fs;

use super::Site;

#[test]
fn credentials_say_what_some_clients_do_not_read() {
    let site = Site::new();
    site.text("user add ann --account APP --creds @good.creds");
    let text_of = |line| site.text(line);
    assert!(text_of("creds inspect @good.creds").contains("read by: every client"));
    let good = fs::read_to_string(site.path("good.creds")).unwrap();
    let cut = good
        .split_once("\n\n***")
        .map_or(good.as_str(), |_| good.trim_end());
    let end = cut.rfind("\n\n").unwrap();
    fs::write(site.path("cut.creds"), cut.split_at(end).0).unwrap();
    let shown = text_of("creds inspect @cut.creds --rewrite @again.creds");
    assert!(
        shown.contains("the file ends without a line end"),
        "{shown}"
    );
    assert!(shown.contains("chmod 600"), "{shown}");
    assert_eq!(fs::read_to_string(site.path("again.creds")).unwrap(), good);
    let seed_only = good.lines().find(|line| line.starts_with("SU")).unwrap();
    fs::write(site.path("seed"), seed_only).unwrap();
    let (error, _) = site.fails("creds inspect @seed");
    assert!(
        error.contains("the user JWT (`eyJ…`) is missing"),
        "{error}"
    );
}
