// See record.hpp.
#include "compare/record.hpp"

#include <stdexcept>

#include <boost/json.hpp>

#include "support/text_file.hpp"

namespace moor::bench::compare {
namespace {

namespace json = boost::json;

// Members of a record and their names in the file. An archive writes or reads them all.
template <class Archive>
void members(Archive& archive, peer_record& record) {
    archive("id", record.id);
    archive("name", record.name);
    archive("version", record.version);
    archive("settings", record.settings);
}

template <class Archive>
void members(Archive& archive, cell_record& record) {
    archive("peer", record.peer);
    archive("samples", record.samples);
    archive("items", record.items);
    archive("calls", record.calls);
    archive("reason", record.reason);
    archive("failed", record.failed);
}

template <class Archive>
void members(Archive& archive, row_record& record) {
    archive("id", record.id);
    archive("group", record.group);
    archive("title", record.title);
    archive("unit", record.unit);
    archive("per", record.per);
    archive("request", record.request);
    archive("counts_calls", record.counts_calls);
    archive("cells", record.cells);
}

template <class Archive>
void members(Archive& archive, comparison& record) {
    archive("threads", record.threads);
    archive("rounds", record.rounds);
    archive("seed", record.seed);
    archive("milliseconds", record.milliseconds);
    archive("machine", record.machine);
    archive("peers", record.peers);
    archive("rows", record.rows);
}

class writer {
public:
    template <class T>
    void operator()(const char* name, T& member) {
        object_[name] = to_json(member);
    }
    [[nodiscard]] json::object take() { return std::move(object_); }

private:
    template <class T>
    static json::value to_json(T& from) {
        if constexpr (requires(writer & to) { members(to, from); }) {
            writer inner;
            members(inner, from);
            return inner.take();
        } else {
            return json::value_from(from);
        }
    }
    template <class T>
    static json::value to_json(std::vector<T>& from) requires requires(writer& to, T& element) {
        members(to, element);
    }
    {
        json::array array;
        for (T& element : from) {
            array.push_back(to_json(element));
        }
        return array;
    }

    json::object object_;
};

class reader {
public:
    explicit reader(const json::value& from) : object_(from.as_object()) {}
    template <class T>
    void operator()(const char* name, T& member) {
        from_json(object_.at(name), member);
    }

private:
    template <class T>
    static void from_json(const json::value& from, T& into) {
        if constexpr (requires(reader & source) { members(source, into); }) {
            reader inner(from);
            members(inner, into);
        } else {
            into = json::value_to<T>(from);
        }
    }
    template <class T>
    static void from_json(const json::value& from, std::vector<T>& into) requires requires(reader& source, T& element) {
        members(source, element);
    }
    {
        for (const json::value& element : from.as_array()) {
            from_json(element, into.emplace_back());
        }
    }

    const json::object& object_;
};

} // namespace

void write_comparison(const comparison& written, const std::filesystem::path& file) {
    writer whole;
    comparison copy = written; // one list of members serves both directions, and reading needs them mutable
    members(whole, copy);
    write_text(file, json::serialize(whole.take()));
}

comparison read_comparison(const std::filesystem::path& file) {
    const std::string text = read_text(file);
    comparison result;
    try {
        const json::value parsed = json::parse(text);
        reader whole(parsed);
        members(whole, result);
    } catch (const std::exception& error) {
        throw std::runtime_error(file.string() + ": " + error.what());
    }
    return result;
}

} // namespace moor::bench::compare
