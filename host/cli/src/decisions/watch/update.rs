//! Changes of the screen's state by events.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_catalog::pin;
use portcullis_core::{DecisionRecord, PolicyName};
use portcullis_toml::text::{lines, one_line};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::show;
use super::filter_line;
use super::kept::Entry;
use super::model::{About, Action, Asks, Message, Model, Pane, PinnedRecord, Prompt, TextPane};

/// Maximum length of a typed line, in characters.
const MAX_TYPED: usize = 1000;

/// The keys and what they do.
const KEYS: &str = "\
up, down, j, k       select a record, or scroll a text
PageUp, PageDown     a screen up or down
Home, End, g, G      the first or the last; the last follows new records
Enter                open the selected record
p                    make a policy test of the record
w                    append the shown policy test to a file
/                    type filters, such as --user bob --refused
c                    show all records again
space                hold new records back, or show them
q, Esc               back, or end
Ctrl-C               end

The filters are those of `portcullis decisions list`: --user, --address,
--account, --policy, --policy-version, --class, --method, --outcome, --refused,
--since, --until.";

/// An event.
#[derive(Debug)]
pub(super) enum Event {
    Key(KeyEvent),
    /// The terminal has a new size, in columns and lines.
    Resize(u16, u16),
    /// The source has new records.
    Records(Vec<DecisionRecord>),
    /// The source has lines or messages that are no records.
    Unreadable(u64),
    /// All older records were read.
    CaughtUp,
    /// The source cannot be read, or not in full.
    Trouble(String),
    /// Whether the connection to the servers stands.
    Connected(bool),
    /// A text was appended to a file, or not.
    Appended(PathBuf, Result<(), String>),
}

/// Applies an event. Returns what the program has to do.
pub(super) fn update(model: &mut Model, event: Event) -> Option<Action> {
    match event {
        Event::Key(key) => return on_key(model, key),
        Event::Resize(columns, lines) => model.resize((columns, lines)),
        Event::Records(records) => model.add(records),
        Event::Unreadable(number) => model.unreadable = model.unreadable.saturating_add(number),
        Event::CaughtUp => model.is_reading = false,
        Event::Trouble(text) => model.message = Some(Message::Failure(text)),
        Event::Connected(stands) => model.is_disconnected = !stands,
        Event::Appended(file, Ok(())) => {
            let note = format!("appended to `{}`", file.display());
            model.message = Some(Message::Note(note));
        }
        Event::Appended(file, Err(error)) => {
            let text = format!("cannot append to `{}`: {error}", file.display());
            model.message = Some(Message::Failure(text));
        }
    }
    None
}

fn on_key(model: &mut Model, key: KeyEvent) -> Option<Action> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if is_control && key.code == KeyCode::Char('c') {
        return Some(Action::Quit);
    }
    model.message = None;
    if let Some(prompt) = model.prompt.take() {
        return on_typed(model, prompt, key, is_control);
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => match model.pane {
            Pane::List => return Some(Action::Quit),
            Pane::Text(_) => model.pane = Pane::List,
        },
        KeyCode::Char('?') => open_text(model, "keys".to_owned(), KEYS, About::Keys),
        KeyCode::Char(' ') => model.toggle_pause(),
        KeyCode::Char('/') => {
            let text = model.filter_line.clone();
            let asks = Asks::Filter;
            model.prompt = Some(Prompt { asks, text });
        }
        KeyCode::Char('c') => model.set_filter(String::new(), filter_line::parse("").ok()?),
        KeyCode::Char('p') => pin_record(model),
        KeyCode::Char('w') => ask_for_file(model),
        KeyCode::Enter => open_record(model),
        code => move_by(model, code),
    }
    None
}

/// Selects another record, or scrolls the text.
fn move_by(model: &mut Model, code: KeyCode) {
    let page = isize::try_from(model.rows().max(1)).unwrap_or(isize::MAX);
    let lines = match code {
        KeyCode::Up | KeyCode::Char('k') => -1,
        KeyCode::Down | KeyCode::Char('j') => 1,
        KeyCode::PageUp => -page,
        KeyCode::PageDown => page,
        KeyCode::Home | KeyCode::Char('g') => isize::MIN,
        KeyCode::End | KeyCode::Char('G') => isize::MAX,
        _ => return,
    };
    match model.pane {
        Pane::Text(_) => model.scroll_text(lines),
        Pane::List => {
            let at = model.selected().map_or(0, |(at, _)| at);
            model.select(at.saturating_add_signed(lines));
        }
    }
}

/// Changes the line that is being typed, and does what it says on Enter.
fn on_typed(
    model: &mut Model,
    mut prompt: Prompt,
    key: KeyEvent,
    is_control: bool,
) -> Option<Action> {
    match key.code {
        KeyCode::Esc => return None,
        KeyCode::Enter => return accept(model, prompt),
        KeyCode::Backspace => {
            prompt.text.pop();
        }
        KeyCode::Char('u') if is_control => prompt.text.clear(),
        KeyCode::Char('w') if is_control => {
            let words = prompt.text.trim_end();
            let kept = words.trim_end_matches(|letter: char| !letter.is_whitespace());
            prompt.text.truncate(kept.len());
        }
        KeyCode::Char(letter)
            if !is_control && !letter.is_control() && prompt.text.chars().count() < MAX_TYPED =>
        {
            prompt.text.push(letter);
        }
        _ => {}
    }
    model.prompt = Some(prompt);
    None
}

fn accept(model: &mut Model, prompt: Prompt) -> Option<Action> {
    let typed = prompt.text.trim();
    match &prompt.asks {
        Asks::Filter => match filter_line::parse(typed) {
            Ok(filter) => model.set_filter(typed.to_owned(), filter),
            Err(error) => {
                model.message = Some(Message::Failure(error));
                model.prompt = Some(prompt);
            }
        },
        Asks::File { .. } if typed.is_empty() => {}
        Asks::File { test } => {
            let (file, text) = (PathBuf::from(typed), test.clone());
            return Some(Action::Append { file, text });
        }
    }
    None
}

fn open_text(model: &mut Model, title: String, text: &str, about: About) {
    let lines = lines(text).lines().map(str::to_owned).collect();
    model.pane = Pane::Text(TextPane {
        title,
        lines,
        scroll: 0,
        about,
    });
}

/// Returns the record that the screen is about.
fn record(model: &Model) -> Option<Arc<Entry>> {
    match &model.pane {
        Pane::Text(text) => match &text.about {
            About::Record(entry) => Some(Arc::clone(entry)),
            About::Keys | About::Test(_) => None,
        },
        Pane::List => model.selected().map(|(_, entry)| Arc::clone(entry)),
    }
}

fn open_record(model: &mut Model) {
    if model.pane != Pane::List {
        return;
    }
    if let Some(entry) = record(model) {
        let text = show::render(&entry.record);
        let title = format!("record {}", one_line(&entry.record.id));
        open_text(model, title, &text, About::Record(entry));
    }
}

/// Shows the record as a test of the policy that decided.
fn pin_record(model: &mut Model) {
    let Some(entry) = record(model) else {
        return;
    };
    let pinned = match pin(&entry.record, None) {
        Ok(pinned) => pinned,
        Err(error) => {
            model.message = Some(Message::Failure(error.to_string()));
            return;
        }
    };
    let notes = pinned.notes.iter().map(|note| format!("# {note}\n"));
    let text = format!("{}{}", notes.collect::<String>(), pinned.text);
    let policy = entry.record.policy.as_ref().map(|policy| &policy.name);
    // The name is that of a file, so it has to be one that a policy can have.
    let policy = policy.and_then(|name| name.parse::<PolicyName>().ok());
    let name = policy.as_ref().map_or("pinned", PolicyName::as_str);
    let file = format!("{name}.tests.toml");
    let title = format!("test for {file}: `w` appends it to a file");
    let about = About::Test(PinnedRecord {
        text: pinned.text,
        file,
    });
    open_text(model, title, &text, about);
}

fn ask_for_file(model: &mut Model) {
    if let Pane::Text(text) = &model.pane
        && let About::Test(pinned) = &text.about
    {
        let asks = Asks::File {
            test: pinned.text.clone(),
        };
        let text = pinned.file.clone();
        model.prompt = Some(Prompt { asks, text });
    }
}

#[cfg(test)]
mod tests;
