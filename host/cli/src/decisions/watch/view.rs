//! The drawing of the screen's state.
//!
//! Names and reasons come from clients, servers and policies. Every text is escaped before it
//! reaches the terminal, so that none of them can control it.

use portcullis_core::LoginOutcome;
use portcullis_toml::text::one_line;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};

use super::super::list::{account, reason, user};
use super::kept::Entry;
use super::model::{Asks, Message, Model, Pane, TextPane};
use super::text::{end_of, wrapped};

/// The columns of the list: their headings, their widths, and the least width of a terminal in
/// which they leave room for the others.
const COLUMNS: [(&str, Constraint, u16); 7] = [
    ("TIME", Constraint::Length(14), 60),
    ("OUTCOME", Constraint::Length(11), 0),
    ("USER", Constraint::Fill(2), 0),
    ("ADDRESS", Constraint::Length(15), 80),
    ("ACCOUNT", Constraint::Fill(2), 100),
    ("POLICY", Constraint::Fill(2), 120),
    ("REASON", Constraint::Fill(4), 0),
];

/// Colours of outcomes and failures, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    On,
    Off,
}

impl Colours {
    fn style(self, colour: Color) -> Style {
        match self {
            Self::On => Style::new().fg(colour),
            Self::Off => Style::new(),
        }
    }

    fn of(self, outcome: LoginOutcome) -> Style {
        match outcome {
            LoginOutcome::Admitted | LoginOutcome::Issued => self.style(Color::Green),
            LoginOutcome::Denied | LoginOutcome::Rejected => self.style(Color::Red),
            LoginOutcome::GivenUp | LoginOutcome::Lost | LoginOutcome::Unconfirmed => {
                self.style(Color::Yellow)
            }
        }
    }
}

/// Draws the screen.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, colours: Colours) {
    let lines = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [heading, filter, middle, last] = Layout::vertical(lines).areas(frame.area());
    let reversed = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(Paragraph::new(heading_of(model)).style(reversed), heading);
    draw_filter(frame, model, filter);
    match &model.pane {
        Pane::List => draw_list(frame, model, colours, middle),
        Pane::Text(text) => draw_text(frame, text, middle),
    }
    frame.render_widget(last_line(model, colours), last);
}

fn heading_of(model: &Model) -> String {
    let (shown, kept) = (model.shown().len(), model.kept());
    let mut parts = vec![format!(" {shown} of {kept} records")];
    if let Some(held) = model.held() {
        parts.push(format!("PAUSED, {held} new"));
    }
    if model.is_reading {
        parts.push("reading".to_owned());
    }
    if model.is_disconnected {
        parts.push("DISCONNECTED".to_owned());
    }
    if model.unreadable > 0 {
        parts.push(format!("{} lines are no records", model.unreadable));
    }
    // A narrow terminal cuts off what is last.
    parts.push(one_line(&model.source).into_owned());
    parts.join(" | ")
}

/// Draws the filters, or the line that is being typed.
fn draw_filter(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let (name, text) = match &model.prompt {
        None => ("filter: ", model.filter_line.as_str()),
        Some(prompt) => match prompt.asks {
            Asks::Filter => ("filter: ", prompt.text.as_str()),
            Asks::File { .. } => ("append to file: ", prompt.text.as_str()),
        },
    };
    let text = one_line(text);
    let name_columns = u16::try_from(name.len()).unwrap_or_default();
    // The cursor stands behind the text.
    let room = area.width.saturating_sub(name_columns).saturating_sub(1);
    let text = end_of(&text, usize::from(room));
    let line = Line::from(vec![Span::raw(name), Span::raw(text)]);
    let columns = u16::try_from(line.width()).unwrap_or(u16::MAX);
    frame.render_widget(line, area);
    if model.prompt.is_some() {
        let x = area.x.saturating_add(columns);
        frame.set_cursor_position(Position::new(x, area.y));
    }
}

fn draw_list(frame: &mut Frame<'_>, model: &Model, colours: Colours, area: Rect) {
    let fits = |(_, _, least): &(_, _, u16)| *least <= area.width;
    let selected = model.selected().map(|(at, _)| at);
    let shown = model.shown().iter().enumerate();
    let visible = shown.skip(model.offset).take(model.rows());
    let rows = visible.map(|(at, entry)| {
        let style = colours.of(entry.record.outcome);
        let cells = cells(entry).into_iter().zip(COLUMNS);
        let cells = cells.filter(|(_, column)| fits(column));
        let row = Row::new(cells.map(|(cell, _)| cell));
        if selected == Some(at) {
            row.style(style.add_modifier(Modifier::REVERSED))
        } else {
            row.style(style)
        }
    });
    let columns = || COLUMNS.into_iter().filter(fits);
    let headings = Row::new(columns().map(|(heading, _, _)| heading));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let widths = columns().map(|(_, width, _)| width);
    let table = Table::new(rows, widths).header(headings.style(bold));
    frame.render_widget(table, area);
}

fn cells(entry: &Entry) -> [String; 7] {
    let record = &entry.record;
    let policy = record.policy.as_ref().map(|policy| policy.name.as_str());
    let cells = [
        &short_time(&record.time),
        record.outcome.as_str(),
        user(record),
        record.login.client.host.as_deref().unwrap_or_default(),
        account(record),
        policy.unwrap_or_default(),
        &reason(record).unwrap_or_default(),
    ];
    cells.map(|cell| one_line(cell).into_owned())
}

/// Returns a time of a record without year and milliseconds. A record has the whole.
fn short_time(time: &str) -> String {
    match (time.get(5..10), time.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock}"),
        _ => time.to_owned(),
    }
}

fn draw_text(frame: &mut Frame<'_>, text: &TextPane, area: Rect) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let title = one_line(&text.title);
    let title = Line::styled(title, bold);
    let height = usize::from(area.height).saturating_sub(1);
    let lines = wrapped(&text.lines, usize::from(area.width));
    let visible = lines.into_iter().skip(text.scroll).take(height);
    let lines: Vec<_> = std::iter::once(title)
        .chain(visible.map(Line::raw))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// Returns the message, or else the keys of the pane.
fn last_line(model: &Model, colours: Colours) -> Line<'_> {
    if let Some(message) = &model.message {
        return match message {
            Message::Note(text) => Line::raw(one_line(text)),
            Message::Failure(text) => Line::styled(one_line(text), colours.style(Color::Red)),
        };
    }
    let keys = match (&model.prompt, &model.pane) {
        (Some(_), _) => "Enter accept  Esc cancel  Ctrl-U clear",
        (None, Pane::List) => "Enter open  / filter  c clear  space pause  p pin  ? keys  q end",
        (None, Pane::Text(_)) => "up, down scroll  p pin  w append a test to a file  q back",
    };
    Line::raw(keys)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::KeyCode;

    use super::super::fixtures::{denied, press, record, typed};
    use super::super::update::{Event, update};
    use super::*;

    /// Returns the lines of the screen.
    fn drawn(model: &Model) -> Vec<String> {
        let (columns, lines) = model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal
            .draw(|frame| draw(frame, model, Colours::On))
            .unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| {
            let cells = (0..columns).map(|x| buffer[(x, y)].symbol());
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..lines).map(line).collect()
    }

    fn model(size: (u16, u16)) -> Model {
        let mut model = Model::new("decisions.jsonl".to_owned(), 100, size);
        update(&mut model, Event::CaughtUp);
        model
    }

    #[test]
    fn the_list_has_a_row_for_each_record_that_fits_the_filter() {
        let mut model = model((140, 7));
        let mut admitted = record(1);
        admitted.outcome = LoginOutcome::Admitted;
        admitted.class = None;
        let records = vec![admitted, record(2), denied(3, "bob", "no such user")];
        update(&mut model, Event::Records(records));
        let lines = drawn(&model);
        assert_eq!(lines[0], " 3 of 3 records | decisions.jsonl");
        assert_eq!(lines[1], "filter:");
        for (line, parts) in [
            (2, ["TIME", "OUTCOME", "USER", "ADDRESS", "POLICY"]),
            (
                3,
                [
                    "11-29 03:00:01 admitted ",
                    "alice",
                    "192.0.2.7",
                    "static-users",
                    "",
                ],
            ),
            (
                4,
                [
                    "11-29 03:00:02 denied ",
                    "alice",
                    "",
                    "",
                    "policy-denied: no",
                ],
            ),
            (
                5,
                [
                    "11-29 03:00:03 denied ",
                    "bob",
                    "",
                    "",
                    "policy-denied: no such user",
                ],
            ),
            (6, ["Enter open", "/ filter", "p pin", "q end", ""]),
        ] {
            for part in parts {
                assert!(lines[line].contains(part), "{part}: {lines:?}");
            }
        }
        press(&mut model, KeyCode::Char('/'));
        typed(&mut model, "--user bob");
        press(&mut model, KeyCode::Enter);
        let lines = drawn(&model);
        assert!(lines[0].contains("1 of 3 records"), "{lines:?}");
        assert_eq!(lines[1], "filter: --user bob");
        assert!(lines[3].contains("no such user"), "{lines:?}");
        assert_eq!(lines[4], "");
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns_and_whole_names() {
        let mut model = model((50, 6));
        model.source = "/var/lib/portcullis/records/decisions.jsonl".to_owned();
        update(&mut model, Event::Records(vec![denied(1, "alice.b", "no")]));
        let lines = drawn(&model);
        assert!(lines[0].starts_with(" 1 of 1 records"), "{lines:?}");
        assert!(!lines[2].contains("TIME"), "{lines:?}");
        assert!(lines[3].contains("alice.b"), "{lines:?}");
        update(&mut model, Event::Resize(80, 6));
        let lines = drawn(&model);
        assert!(lines[2].contains("TIME"), "{lines:?}");
        assert!(lines[3].contains("alice.b"), "{lines:?}");
    }

    #[test]
    fn no_text_of_a_client_reaches_the_terminal_unescaped() {
        let mut model = model((120, 20));
        let nasty = "x\u{1b}[2J\u{9b}31m\r\n\u{202e}y\u{7}";
        update(&mut model, Event::Records(vec![denied(1, nasty, nasty)]));
        model.source = nasty.to_owned();
        let list = drawn(&model).join("\n");
        press(&mut model, KeyCode::Enter);
        let opened = drawn(&model).join("\n");
        press(&mut model, KeyCode::Char('p'));
        let pinned = drawn(&model).join("\n");
        for screen in [&list, &opened, &pinned] {
            assert!(screen.contains("x\\u001b[2J"), "{screen}");
            let is_unsafe = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!screen.contains(is_unsafe), "{screen:?}");
        }
        update(&mut model, Event::Trouble(nasty.to_owned()));
        assert!(drawn(&model).join("").contains("x\\u001b[2J"));
    }

    #[test]
    fn a_screen_of_any_size_is_drawn() {
        for size in [(0, 0), (1, 1), (5, 2), (20, 3), (80, 24), (300, 4)] {
            let mut model = model((80, 24));
            let records = (1..50).map(record).collect();
            update(&mut model, Event::Records(records));
            update(&mut model, Event::Resize(size.0, size.1));
            drawn(&model);
            for code in [KeyCode::Enter, KeyCode::End, KeyCode::Char('/')] {
                press(&mut model, code);
                drawn(&model);
            }
        }
    }

    #[test]
    fn an_open_record_is_the_tree_of_show_and_can_be_scrolled() {
        let mut model = model((60, 8));
        update(&mut model, Event::Records(vec![record(1)]));
        press(&mut model, KeyCode::Enter);
        let lines = drawn(&model);
        assert_eq!(lines[2], "record 00-1");
        assert!(
            lines[3].starts_with("denied: policy-denied: no"),
            "{lines:?}"
        );
        press(&mut model, KeyCode::End);
        let lines = drawn(&model);
        assert_eq!(lines[6], "id: 00-1", "{lines:?}");
        press(&mut model, KeyCode::Home);
        assert!(drawn(&model)[3].starts_with("denied"));
    }
}
