//! The terminal: its modes, which are restored however the program ends, and its keys.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, KeyEventKind};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::model::Model;
use super::update::Event;
use super::view::{Colours, draw};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Interval at which the reader of keys looks whether it has to end.
const POLL: Duration = Duration::from_millis(250);

/// Number of keys that wait for the screen.
const MAX_KEYS: usize = 256;

/// The terminal in the state of the screen. Dropping it restores the terminal. So does a panic, on
/// any thread, before its message is written.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: DefaultTerminal,
    colours: Colours,
}

/// The keys and the sizes of the terminal.
#[derive(Debug)]
pub(super) struct Keys {
    events: Receiver<io::Result<Event>>,
    ends: Arc<AtomicBool>,
}

/// Checks that the program has a terminal.
///
/// # Errors
///
/// Fails if it has none, and names the commands that need none.
pub(super) fn check() -> Result<(), Failure> {
    let is_dumb = env::var_os("TERM").is_some_and(|name| name == "dumb");
    let has_keys = || io::stdin().is_terminal() || File::open("/dev/tty").is_ok();
    let problem = if !io::stdout().is_terminal() {
        "standard output is no terminal"
    } else if is_dumb {
        "the terminal shows lines only (`TERM=dumb`)"
    } else if !has_keys() {
        "there is no terminal to read keys from"
    } else {
        return Ok(());
    };
    let error = anyhow::anyhow!(
        "{problem}: `portcullis decisions follow` prints new records as lines, and `list` older ones"
    );
    Err(Failure::new(ExitCode::Usage, error))
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    ///
    /// Fails if the terminal refuses. It is restored then.
    pub(super) fn open() -> Result<Self, Failure> {
        let terminal = ratatui::try_init().map_err(|error| {
            restore();
            failed(error)
        })?;
        let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = if is_plain { Colours::Off } else { Colours::On };
        Ok(Self { terminal, colours })
    }

    /// Returns the size of the terminal, in columns and lines.
    ///
    /// # Errors
    ///
    /// Fails if the terminal does not say.
    pub(super) fn size(&self) -> Result<(u16, u16), Failure> {
        let size = self.terminal.size().map_err(failed)?;
        Ok((size.width, size.height))
    }

    /// Draws the screen.
    ///
    /// # Errors
    ///
    /// Fails if the terminal is gone.
    pub(super) fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        let drawn = self
            .terminal
            .draw(|frame| draw(frame, model, self.colours))
            .map(|_| ());
        drawn.map_err(failed)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = self.terminal.show_cursor();
        restore();
    }
}

/// Restores the modes of the terminal. Both steps are tried, because the first can fail alone.
fn restore() {
    use ratatui::crossterm::execute;
    use ratatui::crossterm::terminal::{LeaveAlternateScreen, disable_raw_mode};
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), LeaveAlternateScreen);
}

impl Keys {
    /// Starts to read keys, on a thread of its own.
    ///
    /// # Errors
    ///
    /// Fails if the thread cannot be started.
    pub(super) fn start() -> Result<Self, Failure> {
        let (sender, events) = channel(MAX_KEYS);
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read_keys(&sender, &ended))
            .map_err(Failure::internal)?;
        Ok(Self { events, ends })
    }

    /// Waits for the next key or size.
    ///
    /// # Errors
    ///
    /// Fails if the terminal is gone.
    pub(super) async fn next(&mut self) -> Result<Event, Failure> {
        let gone = || io::Error::other("its keys can no longer be read");
        let event = self.events.recv().await;
        event.unwrap_or_else(|| Err(gone())).map_err(failed)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

fn read_keys(sender: &Sender<io::Result<Event>>, ends: &AtomicBool) {
    while !ends.load(Ordering::Relaxed) {
        let next = match event::poll(POLL) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let event = match next {
            Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => Ok(Event::Key(key)),
            Ok(event::Event::Resize(columns, lines)) => Ok(Event::Resize(columns, lines)),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        let is_last = event.is_err();
        if sender.blocking_send(event).is_err() || is_last {
            return;
        }
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::internal(error).context("the terminal fails".to_owned())
}

#[cfg(test)]
mod tests {
    use portcullis_harness::PseudoTerminal;

    use super::*;

    /// The program of the test below.
    #[test]
    #[ignore = "it runs in a terminal, and panics"]
    fn a_program_that_panics() {
        let screen = Screen::open().unwrap();
        assert_eq!(screen.size().unwrap(), (80, 24));
        let _ = thread::spawn(|| panic!("the reader of keys is broken")).join();
    }

    #[tokio::test]
    async fn a_panic_restores_the_terminal_before_its_message() {
        let program = env::current_exe().unwrap();
        let this = module_path!().split_once("::").unwrap().1;
        let name = format!("{this}::a_program_that_panics");
        let arguments = ["--ignored", "--exact", &name, "--nocapture"];
        let terminal = PseudoTerminal::spawn(&program, &arguments, (80, 24)).unwrap();
        let (code, shown) = terminal.ended().await.unwrap();
        assert_eq!(code, 0);
        // A message on the screen of the program would be gone with it.
        assert!(shown.contains("the reader of keys is broken"), "{shown}");
    }
}
