/* SPDX-License-Identifier: MIT
 *
 * weir from C++17: handles that close themselves, a member function as the handler, and exceptions, none of which may
 * leave a handler: whoever called it is C.
 */
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <weir/weir.h>

namespace {

template <auto function> struct Call {
    template <typename T> void operator()(T *handle) const { function(handle); }
};
using Producer = std::unique_ptr<weir_producer, Call<weir_producer_close>>;
using Queue = std::unique_ptr<weir_queue, Call<weir_queue_close>>;

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void check(weir_status status, const weir_error &err)
{
    if (status != WEIR_OK)
        throw Error(err.message);
}

/* Adds up what is invoiced. */
class Ledger {
  public:
    static weir_outcome handle(weir_job *job, void *ledger) noexcept
    {
        try {
            static_cast<Ledger *>(ledger)->enter(job);
            return WEIR_DONE;
        } catch (const std::logic_error &error) { /* std::stol's; a job that can't ever be run */
            weir_job_error(job, "%s", error.what());
            return WEIR_REJECT;
        } catch (const std::exception &error) { /* may go better next time */
            weir_job_error(job, "%s", error.what());
            return WEIR_RETRY;
        }
    }

    /* Waits for so many invoices. Returns their sum. */
    long await(int invoices)
    {
        std::unique_lock lock(mutex);
        entered.wait(lock, [&] { return n >= invoices; });
        return sum;
    }

  private:
    void enter(const weir_job *job)
    {
        size_t len = 0;
        const char *amount = weir_job_field(job, "amount", &len);
        if (amount == nullptr)
            throw std::invalid_argument("no amount");
        long value = std::stol(std::string(amount, len));
        std::lock_guard lock(mutex);
        sum += value;
        n++;
        entered.notify_all();
    }

    std::mutex mutex;
    std::condition_variable entered;
    long sum = 0;
    int n = 0;
};

long run(const char *url)
{
    weir_error err;
    weir_producer_options p = WEIR_PRODUCER_OPTIONS_INIT;
    p.url = url;
    p.stream = "invoices";
    weir_producer *opened_producer = nullptr;
    check(weir_producer_open(&opened_producer, &p, &err), err);
    Producer producer(opened_producer);

    Ledger ledger; /* before the queue: it must outlive it */
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = p.url;
    o.stream = p.stream;
    o.handler = Ledger::handle;
    o.user_data = &ledger;
    weir_queue *opened_queue = nullptr;
    check(weir_queue_open(&opened_queue, &o, &err), err);
    Queue queue(opened_queue);

    for (const char *amount : {"1200", "80", "a lot", "15"}) {
        const weir_field field = weir_field_text("amount", amount);
        const weir_fields fields = {&field, 1};
        check(weir_enqueue(producer.get(), &fields, nullptr, nullptr, &err), err);
    }
    check(weir_queue_start(queue.get(), &err), err);
    return ledger.await(3);
}

} // namespace

int main(int argc, char **argv)
{
    try {
        const char *url = argc > 1 ? argv[1] : std::getenv("WEIR_URL");
        std::printf("invoiced: %ld\n", run(url != nullptr ? url : "redis://127.0.0.1:6379"));
        return EXIT_SUCCESS;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "cplusplus: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
