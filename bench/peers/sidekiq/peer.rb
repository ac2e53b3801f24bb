# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Sidekiq as one of the peers: enqueues jobs in bulk, or works a backlog off. See ../README.md for the arguments and for
# what is measured. Workers run as in Sidekiq's own bin/sidekiqload: its launcher, without Rails and without logging,
# in --processes processes that are forked from this one.
require "json"
require "optparse"

def usage
  warn "usage: peer.rb enqueue|consume --url URL [--jobs N] [--payload BYTES] [--concurrency N] [--batch N] [--processes N]"
  exit 2
end

def parse(argv)
  options = {jobs: 20_000, payload: 100, concurrency: 10, batch: 1000, processes: 1}
  parser = OptionParser.new
  parser.on("--url URL") { |value| options[:url] = value }
  options.keys.each { |name| parser.on("--#{name} N", Integer) { |value| options[name] = value } unless name == :url }
  rest = parser.parse(argv)
  options[:mode] = rest.first
  usage unless options[:url] && rest.size == 1 && %w[enqueue consume].include?(rest.first)
  usage unless options.values_at(:jobs, :payload, :concurrency, :batch, :processes).all?(&:positive?)
  options
rescue OptionParser::ParseError
  usage
end

A = parse(ARGV)

# Sidekiq sets up its server side where this is there, as its command line program does.
if A[:mode] == "consume"
  module Sidekiq
    class CLI; end
  end
end
require "sidekiq"
require "sidekiq/api"
require "sidekiq/launcher"
require "sidekiq/job"

# Debian's redis-rb is newer than its Sidekiq: without this each job pays for two warnings with their backtraces.
if defined?(Redis) && Redis.respond_to?(:silence_deprecations=)
  Redis.silence_deprecations = true
  Redis.sadd_returns_boolean = false
end

QUEUE = "queue:default"
DONE = [0] # only ever changed under Ruby's global lock, by a mutex where that is not enough
DONE_LOCK = Mutex.new

class Noop
  include Sidekiq::Job

  def perform(payload)
    raise "a payload of another length" if payload.bytesize != A[:payload]
    DONE_LOCK.synchronize { DONE[0] += 1 }
  end
end

def wall
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def cpu
  Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
end

def connection
  options = {url: A[:url]}
  options[:driver] = :hiredis if hiredis?
  options
end

# redis-rb 4 takes the C parser where it is installed; redis-client of Sidekiq 7 has a driver of its own.
def hiredis?
  return false if Sidekiq::VERSION.to_i >= 7
  require "hiredis"
  true
rescue LoadError
  false
end

def configure(concurrency)
  if Sidekiq::VERSION.to_i >= 7
    config = Sidekiq.default_configuration
    config.redis = connection
    config.logger.level = Logger::ERROR
    config.concurrency = concurrency
    config.queues = %w[default]
    return config
  end
  Sidekiq.logger.level = Logger::ERROR
  Sidekiq.options[:concurrency] = concurrency
  Sidekiq.options[:queues] << "default" if Sidekiq.options[:queues].empty?
  Sidekiq.redis = connection
  Sidekiq.options
end

def left
  Sidekiq.redis { |conn| Sidekiq::VERSION.to_i >= 7 ? conn.call("LLEN", QUEUE) : conn.llen(QUEUE) }
end

def enqueue
  configure(A[:concurrency])
  payload = "x" * A[:payload]
  left # connects
  begun = [wall, cpu]
  (1..A[:jobs]).each_slice(A[:batch]) do |slice|
    Sidekiq::Client.push_bulk("class" => Noop, "args" => Array.new(slice.size) { [payload] })
  end
  {jobs: A[:jobs], seconds: wall - begun[0], cpu: cpu - begun[1]}
end

# One worker process: tells that it is ready, starts when told, reports its count and CPU when told again.
def work(input, output)
  launcher = Sidekiq::Launcher.new(configure((A[:concurrency].to_f / A[:processes]).ceil))
  left # connects
  output.puts "ready"
  input.gets
  begun = cpu
  launcher.run
  input.gets
  # the last jobs are popped, and may not have run yet
  total, before = 0, -1
  until total == before
    before = total
    sleep 0.02
    total = DONE[0]
  end
  output.puts JSON.generate(done: total, cpu: cpu - begun)
  input.gets
  launcher.quiet
  launcher.stop
  exit 0
end

Child = Struct.new(:pid, :input, :output)

def spawn_worker
  to_child, to_parent = IO.pipe, IO.pipe
  pid = fork do
    to_child[1].close
    to_parent[0].close
    to_parent[1].sync = true
    work(to_child[0], to_parent[1])
  end
  to_child[0].close
  to_parent[1].close
  to_child[1].sync = true
  Child.new(pid, to_child[1], to_parent[0])
end

def consume
  children = Array.new(A[:processes]) { spawn_worker }
  children.each { |child| child.output.gets || raise("a worker process ended") }
  configure(1)
  left
  begun = wall
  children.each { |child| child.input.puts "start" }
  sleep 0.001 until left == 0
  seconds = wall - begun
  children.each { |child| child.input.puts "report" }
  reports = children.map { |child| JSON.parse(child.output.gets) }
  children.each { |child| child.input.puts "stop" }
  children.each { |child| Process.wait(child.pid) }
  done = reports.sum { |r| r["done"] }
  abort "peer.rb: no job was there" if done.zero?
  {jobs: done, seconds: seconds, cpu: reports.sum { |r| r["cpu"] }}
end

result = (A[:mode] == "enqueue") ? enqueue : consume
puts JSON.generate(
  peer: "sidekiq", version: Sidekiq::VERSION, mode: A[:mode], jobs: result[:jobs], seconds: result[:seconds].round(6),
  per_s: (result[:jobs] / result[:seconds]).round(1), cpu_us_per_job: (result[:cpu] * 1e6 / result[:jobs]).round(3)
)
