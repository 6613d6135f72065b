use rstest::rstest;

use super::super::mode::AccountView;
use super::values::is_subject;
use super::*;

const OLD: ServerVersion = ServerVersion::new(2, 10, 26);
const UNBOUNDED: ServerVersion = ServerVersion::new(2, 11, 11);
const NEW: ServerVersion = ServerVersion::NEWEST;

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn expand_with(
    template: &RoleTemplate,
    tags: &[&str],
    version: ServerVersion,
) -> Result<RoleTemplate, TemplateProblem> {
    let account = AccountView {
        name: "APP".to_owned(),
        tags: list(&["region:eu"]),
        ..AccountView::default()
    };
    let tags = list(tags);
    let values = Values {
        name: "alice",
        subject: "UALICE",
        tags: &tags,
        issuer_account: "AAPP",
        account: &account,
    };
    expanded(template, values, version)
}

fn allowed(
    entry: &str,
    tags: &[&str],
    version: ServerVersion,
) -> Result<Vec<String>, TemplateProblem> {
    let publish = SubjectRule {
        allow: list(&[entry]),
        deny: Vec::new(),
    };
    let template = RoleTemplate {
        publish,
        ..RoleTemplate::default()
    };
    expand_with(&template, tags, version).map(|template| template.publish.allow)
}

fn denied(
    entry: &str,
    tags: &[&str],
    version: ServerVersion,
) -> Result<Vec<String>, TemplateProblem> {
    let subscribe = SubjectRule {
        allow: Vec::new(),
        deny: list(&[entry]),
    };
    let template = RoleTemplate {
        subscribe,
        ..RoleTemplate::default()
    };
    expand_with(&template, tags, version).map(|template| template.subscribe.deny)
}

#[rstest]
#[case("a.{{name()}}.>", &["a.alice.>"])]
#[case("{{Subject()}}", &["UALICE"])]
#[case("{{account-name()}}.{{account-subject()}}", &["APP.AAPP"])]
#[case("{{account-tag(region)}}.x", &["eu.x"])]
#[case("{{tag(team)}}.x", &["red.x", "blue.x"])]
#[case("{{tag(team)}}.{{tag(site)}}", &["red.east", "red.west", "blue.east", "blue.west"])]
#[case("{{tag(none)}}", &[])]
#[case("{name()}", &["{name()}"])]
#[case("plain", &["plain"])]
fn every_server_fills_in_whole_tokens_alike(
    #[case] entry: &str,
    #[case] expected: &[&str],
    #[values(OLD, UNBOUNDED, NEW)] version: ServerVersion,
) {
    let tags = ["team:red", "team:blue", "site:east", "site:west"];
    assert_eq!(allowed(entry, &tags, version), Ok(list(expected)));
}

#[rstest]
#[case("a-{{name()}}", &["a-{{name()}}"], &["a-alice"])]
#[case("{{ name() }}", &[], &["alice"])]
#[case("{{name()}}{{name()}}", &[], &["alicealice"])]
#[case("{{{name()}}", &[], &[])]
#[case("{{tag(team)}}.{{tag(team)}}", &["red.red", "red.blue", "blue.red", "blue.blue"], &["red.red", "red.red", "blue.blue", "blue.blue"])]
fn later_servers_fill_in_anywhere(#[case] entry: &str, #[case] old: &[&str], #[case] new: &[&str]) {
    let tags = ["team:red", "team:blue"];
    assert_eq!(allowed(entry, &tags, OLD), Ok(list(old)));
    let expected = if entry.starts_with("{{{") {
        Err(TemplateProblem::UnknownPlaceholder(entry.to_owned()))
    } else {
        Ok(list(new))
    };
    assert_eq!(allowed(entry, &tags, NEW), expected);
}

#[rstest]
fn what_is_denied_must_stay_denied(#[values(OLD, UNBOUNDED, NEW)] version: ServerVersion) {
    assert_eq!(
        denied("no.{{tag(team)}}", &["team:red"], version),
        Ok(list(&["no.red"]))
    );
    assert!(denied("no.{{tag(team)}}", &[], version).is_err());
    let bad = denied("no.{{tag(team)}}", &["team:a b"], version);
    let problem = TemplateProblem::DeniedSubject("no.{{tag(team)}}".to_owned());
    assert_eq!(bad, Err(problem));
}

#[rstest]
fn what_allowed_something_does_not_come_to_allow_everything(
    #[values(OLD, UNBOUNDED, NEW)] version: ServerVersion,
) {
    let rule = SubjectRule {
        allow: list(&["{{tag(team)}}"]),
        deny: Vec::new(),
    };
    let template = RoleTemplate {
        publish: rule.clone(),
        subscribe: rule,
        ..RoleTemplate::default()
    };
    let template = expand_with(&template, &[], version).unwrap();
    for rule in [template.publish, template.subscribe] {
        assert_eq!((rule.allow, rule.deny), (list(&[]), list(&[">"])));
    }
}

#[test]
fn an_unknown_placeholder_is_dropped_crashes_or_is_refused() {
    let entry = "x.{{oops()}}".to_owned();
    assert_eq!(allowed(&entry, &[], OLD), Ok(list(&[])));
    assert_eq!(
        allowed(&entry, &[], UNBOUNDED),
        Err(TemplateProblem::CrashesServer(entry.clone()))
    );
    assert_eq!(
        allowed(&entry, &[], NEW),
        Err(TemplateProblem::UnknownPlaceholder(entry))
    );
}

#[test]
fn a_template_has_a_limit() {
    let tags: Vec<_> = (0..65)
        .flat_map(|number| [format!("a:{number}"), format!("b:{number}")])
        .collect();
    let tags: Vec<_> = tags.iter().map(String::as_str).collect();
    let entry = "{{tag(a)}}.{{tag(b)}}";
    let problem = TemplateProblem::TooMany(entry.to_owned());
    assert_eq!(allowed(entry, &tags, NEW), Err(problem));
    assert_eq!(allowed("{{tag(a)}}", &tags, NEW).unwrap().len(), 65);
}

#[rstest]
#[case("a.b", true)]
#[case(">", true)]
#[case("a.*.>", true)]
#[case("", false)]
#[case("a..b", false)]
#[case("a.>.b", false)]
#[case("a. ", false)]
#[case("a b", false)]
#[case("a\tb.c", false)]
fn subjects_are_what_servers_take(#[case] subject: &str, #[case] expected: bool) {
    assert_eq!(is_subject(subject), expected);
}
