//! The cost of a decision, from the request on the wire to the answer. Requests are signed as a
//! server signs them, and many are pending at once.
//!
//! A server with callout lets no client publish on the callout's subject. The server must therefore
//! be one without callout ([`portcullis_harness::Accounts::NoCallout`]). Requests are signed and
//! answers are verified outside of the measured time.

mod pipeline;
mod questions;
mod round;

use std::time::Duration;

use anyhow::Result;
use portcullis_harness::{NatsServer, processor_time};

use crate::percentile;
use pipeline::{Answers, Pipeline};
use questions::Question;

pub use questions::Questions;
pub use round::Flooded;

/// The minimum number of requests in a round for each pending one, so that a round is more than its
/// beginning and its end.
const FEWEST: usize = 3;
/// The assumed rate of the first round, in decisions a second. Every contender is faster.
const SLOW: f64 = 100.0;

/// A server, the processes that answer there, and a connection that sends requests.
#[derive(Debug)]
pub struct Flood {
    server: u32,
    answering: Vec<u32>,
    questions: Questions,
    pipeline: Pipeline,
    /// The last known rate, in decisions a second.
    rate: f64,
}

impl Flood {
    /// Logs in at `server`, to send `questions` that the processes `answering` answer.
    ///
    /// # Errors
    ///
    /// Fails if it cannot log in.
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

    /// Measures the rate, so that the next round has the right number of requests.
    ///
    /// # Errors
    ///
    /// Fails if the server or a process ends.
    pub async fn warm_up(&mut self, at_once: usize, length: Duration) -> Result<()> {
        self.rate = SLOW;
        for _ in 0..2 {
            self.round(at_once, length / 4).await?;
        }
        Ok(())
    }

    /// Sends as many requests as take about `length`, with `at_once` pending.
    ///
    /// # Errors
    ///
    /// Fails if the server or a process ends.
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

    /// Returns the processor time of the answering processes together, and that of their server.
    fn used(&self) -> Result<(Duration, Duration)> {
        let answering = self.answering.iter().map(|id| processor_time(*id));
        Ok((answering.sum::<Result<_>>()?, processor_time(self.server)?))
    }

    /// Returns the number of requests without an answer of their own, and of answers that are not
    /// permits.
    fn wrong(&self, questions: &[Question], answers: Answers) -> Result<usize> {
        let mut open: Vec<_> = questions.iter().map(Some).collect();
        let mut answered = Vec::with_capacity(questions.len());
        for (number, _, answer) in answers.answers {
            // A second answer to the same request finds none, and leaves another request without an
            // answer.
            if let Some(question) = open.get_mut(number).and_then(Option::take) {
                answered.push((question, answer));
            }
        }
        let without = open.iter().flatten().count();
        Ok(without + self.questions.wrong(&answered)?)
    }
}

/// Returns the difference in microseconds.
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
