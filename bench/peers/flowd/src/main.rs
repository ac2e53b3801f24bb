// SPDX-License-Identifier: MIT
//
// flowd as one of the peers: enqueues jobs in bulk, or works a backlog off. See ../README.md for the arguments and for
// what is measured.
use flowd::prelude::*;
use flowd::task::{Queue, QueueBuilder, Task};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const STREAM: &str = "bench";
const GROUP: &str = "bench";
const USAGE: &str = "usage: flowd-peer enqueue|consume --url URL [--jobs N] [--payload BYTES] [--concurrency N]
                  [--batch N] [--threads N] [--consumers N]";

#[derive(Debug, Job)]
struct Work {
    payload: String,
}

struct Arguments {
    mode: String,
    url: String,
    jobs: u64,
    payload: usize,
    concurrency: usize,
    batch: usize,
    threads: usize,   // of the runtime; 0: tokio's current_thread runtime
    consumers: usize, // queues in this process, each with its two connections and a share of the concurrency
}

fn fail(text: &str) -> ! {
    eprintln!("{text}");
    std::process::exit(2);
}

fn arguments() -> Arguments {
    let mut a = Arguments {
        mode: String::new(),
        url: String::new(),
        jobs: 100_000,
        payload: 100,
        concurrency: 1000,
        batch: 1000,
        threads: 2,
        consumers: 1,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if !name.starts_with("--") {
            a.mode = name;
            continue;
        }
        let value = given.next().unwrap_or_else(|| fail(USAGE));
        let number = || value.parse::<usize>().unwrap_or_else(|_| fail(USAGE));
        match name.as_str() {
            "--url" => a.url = value,
            "--jobs" => a.jobs = number() as u64,
            "--payload" => a.payload = number(),
            "--concurrency" => a.concurrency = number(),
            "--batch" => a.batch = number(),
            "--threads" => a.threads = number(),
            "--consumers" => a.consumers = number().max(1),
            _ => fail(USAGE),
        }
    }
    if a.url.is_empty() {
        fail(USAGE);
    }
    a
}

fn cpu_us() -> i64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let us = |t: libc::timeval| t.tv_sec * 1_000_000 + t.tv_usec;
    us(usage.ru_utime) + us(usage.ru_stime)
}

fn report(a: &Arguments, jobs: u64, begin: Instant, cpu: i64) {
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu_us() - cpu);
    println!(
        "{{\"peer\": \"flowd\", \"version\": \"{}\", \"mode\": \"{}\", \"jobs\": {jobs}, \"seconds\": {seconds:.6}, \
         \"per_s\": {:.1}, \"cpu_us_per_job\": {:.3}}}",
        env!("FLOWD_VERSION"),
        a.mode,
        jobs as f64 / seconds,
        cpu as f64 / jobs as f64
    );
}

async fn connect(client: &redis::Client) -> anyhow::Result<redis::aio::MultiplexedConnection> {
    // Without a limit to the time of an answer: flowd's blocking read and large pipelines would run into it.
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

async fn enqueue(a: &Arguments) -> anyhow::Result<()> {
    let client = redis::Client::open(a.url.as_str())?;
    let worker = |_: Work| async { Ok::<(), String>(()) };
    let (conn, read) = (connect(&client).await?, connect(&client).await?);
    let mut queue = Queue::new(QueueBuilder::new(STREAM, GROUP, "producer", worker, conn, read));
    let payload = "x".repeat(a.payload);
    let (begin, cpu) = (Instant::now(), cpu_us());
    let mut done = 0;
    while done < a.jobs {
        let n = (a.jobs - done).min(a.batch as u64);
        let task = || Task { id: "*".into(), payload: Work { payload: payload.clone() } };
        queue.enqueue_bulk((0..n).map(|_| task()).collect()).await?;
        done += n;
    }
    report(a, a.jobs, begin, cpu);
    Ok(())
}

async fn consume(a: &Arguments) -> anyhow::Result<()> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let client = redis::Client::open(a.url.as_str())?;
    let length = a.payload;
    let mut queues = Vec::new();
    for i in 0..a.consumers {
        let worker = move |work: Work| async move {
            if work.payload.len() != length {
                return Err("a payload of another length".to_string());
            }
            DONE.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let (conn, read) = (connect(&client).await?, connect(&client).await?);
        let queue = Queue::new(
            QueueBuilder::new(STREAM, GROUP, format!("consumer-{i}"), worker, conn, read)
                .block_timeout(100)
                .max_concurrent_tasks((a.concurrency / a.consumers).max(1)),
        );
        queue.init().await?;
        queues.push(queue);
    }
    let mut watch = connect(&client).await?;
    let (begin, cpu) = (Instant::now(), cpu_us());
    let handles: Vec<_> = queues.into_iter().map(|queue| queue.run()).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if DONE.load(Ordering::Relaxed) >= a.jobs {
            let pending: (u64, redis::Value, redis::Value, redis::Value) =
                redis::cmd("XPENDING").arg(STREAM).arg(GROUP).query_async(&mut watch).await?;
            if pending.0 == 0 {
                break;
            }
        }
    }
    report(a, DONE.load(Ordering::Relaxed), begin, cpu);
    for handle in handles {
        handle.shutdown().await;
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let a = arguments();
    let runtime = match a.threads {
        0 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        n => tokio::runtime::Builder::new_multi_thread().worker_threads(n).enable_all().build()?,
    };
    match a.mode.as_str() {
        "enqueue" => runtime.block_on(enqueue(&a)),
        "consume" => runtime.block_on(consume(&a)),
        _ => fail(USAGE),
    }
}
