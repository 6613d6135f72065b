//! Who is flooded, and what came of it.

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::processor_time;
use portcullis_tests::{Accounts, Conditions, Contender, Metric, Peer, percentile};

use crate::pipeline::{Answers, Pipeline};
use crate::questions::{Question, Questions};

/// The fewest requests in a round for each that is on its way at once, so that a round is more than its beginning and its end.
const FEWEST: usize = 3;
/// A rate that none of them falls below.
const SLOW: f64 = 100.0;

/// A contender, and a connection that asks it.
pub(crate) struct Flooded {
    contender: Contender,
    questions: Questions,
    pipeline: Pipeline,
    /// Decisions a second, as far as is known.
    rate: f64,
}

/// What came of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// Of the process that answers, in microseconds of processor a decision.
    pub(crate) processor: f64,
    /// The same of its server.
    pub(crate) server: f64,
    /// In milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Answers that are no permits, and requests without an answer.
    pub(crate) wrong: usize,
}

/// Decisions a second.
pub(crate) const RATE: Metric<Round> = Metric {
    name: "decisions",
    unit: "1/s",
    of: |round| round.per_second,
};
/// What a decision takes of the processors.
pub(crate) const PROCESSOR: Metric<Round> = Metric {
    name: "processor time of a decision",
    unit: "µs",
    of: |round| round.processor,
};
/// How long nearly all answers take at most.
pub(crate) const P99: Metric<Round> = Metric {
    name: "p99",
    unit: "ms",
    of: |round| round.p99,
};

impl portcullis_tests::Round for Round {
    const METRICS: &'static [Metric<Self>] = &[
        RATE,
        PROCESSOR,
        Metric {
            name: "processor time of the server for it",
            unit: "µs",
            of: |round| round.server,
        },
        Metric {
            name: "p50",
            unit: "ms",
            of: |round| round.p50,
        },
        P99,
    ];

    fn wrong(&self) -> usize {
        self.wrong
    }
}

impl Flooded {
    pub(crate) async fn start(peer: Peer, encrypts: bool) -> Result<Self> {
        let conditions = Conditions {
            accounts: Accounts::NoCallout,
            encrypts,
            ..Conditions::default()
        };
        let contender = Contender::start(peer, &conditions).await?;
        Ok(Self {
            questions: Questions::to(&contender)?,
            pipeline: Pipeline::open(contender.server.port()).await?,
            contender,
            rate: SLOW,
        })
    }

    pub(crate) const fn peer(&self) -> Peer {
        self.contender.peer
    }

    /// Finds out how many requests take as long as a round.
    pub(crate) async fn warm_up(&mut self, at_once: usize, length: Duration) -> Result<()> {
        self.rate = SLOW;
        for _ in 0..2 {
            self.round(at_once, length / 4).await?;
        }
        Ok(())
    }

    /// As many requests as take about `length`.
    pub(crate) async fn round(&mut self, at_once: usize, length: Duration) -> Result<Round> {
        let count = whole(self.rate * length.as_secs_f64()).max(FEWEST * at_once);
        let mut questions = self.questions.ask(count)?;
        let payloads: Vec<_> = questions
            .iter_mut()
            .map(|question| std::mem::take(&mut question.payload))
            .collect();
        let xkey = self.questions.xkey();
        let (id, server) = (self.contender.id()?, self.contender.server.id()?);
        let before = (processor_time(id)?, processor_time(server)?);
        let sent = self.pipeline.send(&payloads, xkey.as_deref(), at_once);
        let answers = sent.await?;
        let after = (processor_time(id)?, processor_time(server)?);
        let times: Vec<_> = answers.answers.iter().map(|(_, took, _)| *took).collect();
        let decisions = amount(answers.answers.len().max(1));
        let round = Round {
            per_second: decisions / answers.took.as_secs_f64(),
            processor: used(before.0, after.0) / decisions,
            server: used(before.1, after.1) / decisions,
            p50: percentile(times.clone(), 50),
            p99: percentile(times, 99),
            wrong: self.wrong(&questions, answers)?,
        };
        self.rate = round.per_second;
        Ok(round)
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
fn used(before: Duration, after: Duration) -> f64 {
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
