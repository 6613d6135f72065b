//! Tests of the screen's state, without a terminal.

use clap::Args as _;

use super::super::super::filter::FilterArguments;
use super::super::fixtures::{denied, press, record, typed};
use super::*;

fn model() -> Model {
    Model::new("decisions.jsonl".to_owned(), 100, (80, 10))
}

/// Returns a screen with the records of these numbers.
fn with(numbers: impl IntoIterator<Item = u64>) -> Model {
    let mut model = model();
    let records = numbers.into_iter().map(record).collect();
    update(&mut model, Event::Records(records));
    model
}

fn ids(model: &Model) -> Vec<&str> {
    let ids = model.shown().iter().map(|entry| entry.record.id.as_str());
    ids.collect()
}

fn selected(model: &Model) -> Option<&str> {
    let (_, entry) = model.selected()?;
    Some(&entry.record.id)
}

fn failure(model: &Model) -> &str {
    match &model.message {
        Some(Message::Failure(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_record_is_selected_until_another_one_is() {
    let mut model = with(1..=3);
    assert_eq!(selected(&model), Some("00-3"));
    update(&mut model, Event::Records(vec![record(4)]));
    assert_eq!(selected(&model), Some("00-4"));
    press(&mut model, KeyCode::Up);
    update(&mut model, Event::Records(vec![record(5)]));
    assert_eq!(selected(&model), Some("00-3"));
    press(&mut model, KeyCode::End);
    update(&mut model, Event::Records(vec![record(6)]));
    assert_eq!(selected(&model), Some("00-6"));
    press(&mut model, KeyCode::Home);
    assert_eq!(selected(&model), Some("00-1"));
}

#[test]
fn scrolling_and_a_new_size_keep_the_selected_record_on_the_screen() {
    // Six rows: the heading, the filter, the names of the columns and the keys take four lines.
    let mut model = with(1..=50);
    assert_eq!((model.rows(), model.offset), (6, 44));
    press(&mut model, KeyCode::PageUp);
    assert_eq!((selected(&model), model.offset), (Some("00-44"), 43));
    for size in [(80, 40), (20, 5), (80, 10), (0, 0), (80, 10)] {
        update(&mut model, Event::Resize(size.0, size.1));
        let (at, _) = model.selected().unwrap();
        let rows = model.rows().max(1);
        assert!(
            (model.offset..model.offset + rows).contains(&at),
            "{size:?}"
        );
        assert_eq!(selected(&model), Some("00-44"));
    }
    // Older records that arrive late do not move the rows.
    let before = model.offset;
    update(&mut model, Event::Records(vec![record(0)]));
    assert_eq!(
        (selected(&model), model.offset),
        (Some("00-44"), before + 1)
    );
}

#[test]
fn the_screen_forgets_the_oldest_records() {
    let mut model = Model::new(String::new(), 5, (80, 10));
    let records = (1..=20).map(record).collect();
    update(&mut model, Event::Records(records));
    assert_eq!(ids(&model), ["00-16", "00-17", "00-18", "00-19", "00-20"]);
    press(&mut model, KeyCode::Home);
    update(&mut model, Event::Records(vec![record(21), record(22)]));
    assert_eq!(selected(&model), Some("00-18"), "the selected one is gone");
    assert_eq!(model.kept(), 5);
}

#[test]
fn a_typed_filter_chooses_the_shown_records_and_those_that_arrive() {
    let mut model = with(1..=2);
    update(&mut model, Event::Records(vec![denied(3, "bob", "no")]));
    press(&mut model, KeyCode::Char('/'));
    typed(&mut model, "--user bo");
    assert_eq!(ids(&model).len(), 3, "the filter is not accepted yet");
    typed(&mut model, "b");
    press(&mut model, KeyCode::Enter);
    assert_eq!(ids(&model), ["00-3"]);
    update(
        &mut model,
        Event::Records(vec![record(4), denied(5, "bob", "no")]),
    );
    assert_eq!(ids(&model), ["00-3", "00-5"]);
    press(&mut model, KeyCode::Char('c'));
    assert_eq!(ids(&model).len(), 5);
}

#[test]
fn a_wrong_filter_stays_to_be_corrected() {
    let mut model = with(1..=2);
    press(&mut model, KeyCode::Char('/'));
    typed(&mut model, "--class nonsense");
    press(&mut model, KeyCode::Enter);
    assert!(failure(&model).contains("nonsense"), "{model:?}");
    assert_eq!(ids(&model).len(), 2);
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    update(&mut model, Event::Key(control('w')));
    typed(&mut model, "policy-denied q");
    press(&mut model, KeyCode::Backspace);
    let prompt = model.prompt.clone().unwrap();
    assert_eq!(prompt.text, "--class policy-denied ");
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.filter_line, "--class policy-denied");
    press(&mut model, KeyCode::Char('/'));
    update(&mut model, Event::Key(control('u')));
    press(&mut model, KeyCode::Esc);
    assert_eq!(
        model.filter_line, "--class policy-denied",
        "nothing was accepted"
    );
}

#[test]
fn a_paused_list_shows_new_records_later() {
    let mut model = with(1..=2);
    press(&mut model, KeyCode::Char(' '));
    update(&mut model, Event::Records(vec![record(3), record(4)]));
    assert_eq!((ids(&model).len(), model.held()), (2, Some(2)));
    let many = (5..1000).map(record).collect();
    update(&mut model, Event::Records(many));
    assert_eq!(model.held(), Some(100), "what is held is bounded too");
    press(&mut model, KeyCode::Char(' '));
    assert_eq!((model.kept(), model.held()), (100, None));
    assert_eq!(selected(&model), Some("00-999"));
}

#[test]
fn enter_opens_the_tree_of_show_and_escape_goes_back() {
    let mut model = with(1..=2);
    press(&mut model, KeyCode::Up);
    press(&mut model, KeyCode::Enter);
    let Pane::Text(text) = &model.pane else {
        panic!("{model:?}");
    };
    let tree = show::render(&record(1));
    assert_eq!(text.lines, tree.lines().collect::<Vec<_>>());
    // Records that arrive meanwhile change nothing there.
    let before = model.pane.clone();
    update(&mut model, Event::Records(vec![record(3)]));
    assert_eq!(model.pane, before);
    assert_eq!(press(&mut model, KeyCode::Esc), None);
    assert_eq!(model.pane, Pane::List);
    assert_eq!(press(&mut model, KeyCode::Esc), Some(Action::Quit));
}

#[test]
fn a_record_becomes_a_test_that_is_appended_to_the_file_of_its_policy() {
    let mut model = with(1..=1);
    press(&mut model, KeyCode::Char('w'));
    assert_eq!(model.prompt, None, "there is no test to append");
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Char('p'));
    press(&mut model, KeyCode::Char('w'));
    let prompt = model.prompt.clone().unwrap();
    assert_eq!(prompt.text, "static-users.tests.toml");
    let action = press(&mut model, KeyCode::Enter);
    let expected = pin(&record(1), None).unwrap().text;
    let Some(Action::Append { file, text }) = action else {
        panic!("{action:?}");
    };
    assert_eq!(
        (file.to_str(), &text),
        (Some("static-users.tests.toml"), &expected)
    );
    update(&mut model, Event::Appended(file, Err("no room".to_owned())));
    assert_eq!(
        failure(&model),
        "cannot append to `static-users.tests.toml`: no room"
    );
}

#[test]
fn a_record_that_is_no_test_says_why() {
    let mut undecided = record(1);
    undecided.policy = None;
    let mut model = model();
    update(&mut model, Event::Records(vec![undecided]));
    press(&mut model, KeyCode::Char('p'));
    assert_eq!(model.pane, Pane::List);
    assert!(!failure(&model).is_empty());
}

#[test]
fn a_policy_name_that_is_a_path_does_not_choose_the_file() {
    let mut hostile = record(1);
    let name = "../../etc/x";
    hostile.policy.as_mut().unwrap().name = name.to_owned();
    hostile.policies[0].policy.name = name.to_owned();
    let mut model = model();
    update(&mut model, Event::Records(vec![hostile]));
    press(&mut model, KeyCode::Char('p'));
    press(&mut model, KeyCode::Char('w'));
    assert_eq!(model.prompt.unwrap().text, "pinned.tests.toml");
}

#[test]
fn control_c_ends_the_screen_wherever_it_is() {
    let quit = Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    let mut model = with(1..=1);
    press(&mut model, KeyCode::Char('/'));
    assert_eq!(update(&mut model, quit), Some(Action::Quit));
}

#[test]
fn the_reference_has_every_key() {
    let page = include_str!("../../../../../../docs/reference/decision-records.md");
    for line in KEYS.lines().take_while(|line| !line.is_empty()) {
        let (keys, _) = line.split_once("  ").unwrap();
        for key in keys.split(", ") {
            assert!(page.contains(&format!("`{key}`")), "`{key}` is missing");
        }
    }
}

#[test]
fn the_keys_name_every_filter() {
    let command = FilterArguments::augment_args(clap::Command::new("list"));
    let filters: Vec<_> = command
        .get_arguments()
        .filter_map(|it| it.get_long())
        .collect();
    assert!(filters.contains(&"method"), "{filters:?}");
    for filter in filters {
        let is_named =
            KEYS.contains(&format!("--{filter},")) || KEYS.contains(&format!("--{filter}."));
        assert!(is_named, "--{filter} is not among the keys: {KEYS}");
    }
    assert!(KEYS.lines().all(|line| line.len() <= 80), "{KEYS}");
}
