//! What a decision costs, from the request on the wire to the answer: requests signed as a server signs them, many at once.
//!
//! A server with callout lets nobody publish on the callout's subject, so the server has to be one that asks nobody
//! ([`crate::Accounts::NoCallout`]). Requests are signed and answers are checked outside of the time that is measured.

mod pipeline;
mod questions;
mod round;

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::processor_time;

use crate::{NatsServer, percentile};
use pipeline::{Answers, Pipeline};
use questions::Question;

pub use questions::Questions;
pub use round::Flooded;

/// The fewest requests in a round for each that is on its way at once, so that a round is more than its beginning and its end.
const FEWEST: usize = 3;
/// A rate that nobody falls below.
const SLOW: f64 = 100.0;

/// A server, the processes that answer there, and a connection that asks them.
#[derive(Debug)]
pub struct Flood {
    server: u32,
    answering: Vec<u32>,
    questions: Questions,
    pipeline: Pipeline,
    /// Decisions a second, as far as is known.
    rate: f64,
}

impl Flood {
    /// Logs in at `server`, to ask `questions` that the processes `answering` answer.
    ///
    /// # Errors
    ///
    /// If it cannot log in.
    pub async fn open(
        server: &NatsServer,
        answering: Vec<u32>,
        questions: Questions,
    ) -> Result<Self> {
        Ok(Self {
            server: server.id()?,
            answering,
            questions,
            pipeline: Pipeline::open(server.port()).await?,
            rate: SLOW,
        })
    }

    /// Finds out how many requests take as long as a round.
    ///
    /// # Errors
    ///
    /// If the server or a process ends.
    pub async fn warm_up(&mut self, at_once: usize, length: Duration) -> Result<()> {
        self.rate = SLOW;
        for _ in 0..2 {
            self.round(at_once, length / 4).await?;
        }
        Ok(())
    }

    /// As many requests as take about `length`, `at_once` of them at once.
    ///
    /// # Errors
    ///
    /// If the server or a process ends.
    pub async fn round(&mut self, at_once: usize, length: Duration) -> Result<Flooded> {
        let count = whole(self.rate * length.as_secs_f64()).max(FEWEST * at_once);
        let mut questions = self.questions.ask(count)?;
        let payloads: Vec<_> = questions
            .iter_mut()
            .map(|question| std::mem::take(&mut question.payload))
            .collect();
        let xkey = self.questions.xkey();
        let before = self.used()?;
        let sent = self.pipeline.send(&payloads, xkey.as_deref(), at_once);
        let answers = sent.await?;
        let after = self.used()?;
        let times: Vec<_> = answers.answers.iter().map(|(_, took, _)| *took).collect();
        let decisions = amount(answers.answers.len().max(1));
        let round = Flooded {
            per_second: decisions / answers.took.as_secs_f64(),
            processor: between(before.0, after.0) / decisions,
            server: between(before.1, after.1) / decisions,
            p50: percentile(times.clone(), 50),
            p99: percentile(times, 99),
            wrong: self.wrong(&questions, answers)?,
        };
        self.rate = round.per_second;
        Ok(round)
    }

    /// What those who answer have used of the processors, all together, and what their server has.
    fn used(&self) -> Result<(Duration, Duration)> {
        let answering = self.answering.iter().map(|id| processor_time(*id));
        Ok((answering.sum::<Result<_>>()?, processor_time(self.server)?))
    }

    /// Requests without an answer of their own, and answers that are no permits.
    fn wrong(&self, questions: &[Question], answers: Answers) -> Result<usize> {
        let mut open: Vec<_> = questions.iter().map(Some).collect();
        let mut answered = Vec::with_capacity(questions.len());
        for (number, _, answer) in answers.answers {
            // A second answer to the same request finds none, and leaves another without.
            if let Some(question) = open.get_mut(number).and_then(Option::take) {
                answered.push((question, answer));
            }
        }
        let without = open.iter().flatten().count();
        Ok(without + self.questions.wrong(&answered)?)
    }
}

/// What was used in between, in microseconds.
fn between(before: Duration, after: Duration) -> f64 {
    after.saturating_sub(before).as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
const fn amount(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some thousands, and no less than nothing"
)]
const fn whole(number: f64) -> usize {
    number as usize
}
