// See bar_plot.hpp.
#include "report/bar_plot.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "report/number_text.hpp"

namespace moor::bench::report {
namespace {

// In pixels.
constexpr double width = 860;
constexpr double least_label_width = 150;
constexpr double most_label_width = 440;
constexpr double letter_width = 6.9; // about, and of bold ones
constexpr double value_width = 100;
constexpr double line_height = 20;
constexpr double bar_height = 12;
constexpr double title_height = 30;
constexpr double axis_height = 22;
constexpr double panel_gap = 16;

constexpr double span_of_linear_axis = 30;

constexpr std::string_view style = R"(<style>
text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#3d444d}
.title{font-weight:600;font-size:13px}
.axis{font-size:10px;fill:#6e7781}
.bar{fill:#9aa7b5}
.ours{fill:#2f78d0}
.strong{font-weight:600}
.grid{stroke:#8c959f;stroke-opacity:.3}
.range{stroke:#1f2328;stroke-width:1.2;fill:none}
.mark{stroke:#d1495b;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#d1d7e0}.axis{fill:#9198a1}.bar{fill:#5d6773}.ours{fill:#4a90e2}.range{stroke:#f0f6fc}}
</style>
)";

std::string escaped(std::string_view text) {
    std::string result;
    for (const char letter : text) {
        switch (letter) {
        case '&': result += "&amp;"; break;
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        default: result += letter;
        }
    }
    return result;
}

// Room for the longest label of all panels, so that their axes are below each other.
double label_width_of(const std::vector<panel>& panels) {
    std::size_t longest = 0;
    for (const panel& shown : panels) {
        for (const bar& one : shown.bars) {
            longest = std::max(longest, one.label.size());
        }
    }
    return std::clamp(letter_width * static_cast<double>(longest) + 16, least_label_width, most_label_width);
}

// From a figure to its place.
class axis {
public:
    axis(const panel& shown, double left) : left_(left) {
        double least = 0;
        for (const bar& one : shown.bars) {
            most_ = std::max({most_, one.value.most, one.mark.value_or(0)});
            if (const double small = std::min(one.value.least, one.mark.value_or(one.value.least)); small > 0) {
                least = least == 0 ? small : std::min(least, small);
            }
        }
        if (most_ <= 0) {
            most_ = 1;
        }
        logarithmic_ = least > 0 && most_ / least > span_of_linear_axis;
        if (logarithmic_) {
            // From the power of ten below, so that the least bar has a length too.
            least_ = std::pow(10, std::floor(std::log10(least * 0.8)));
        }
    }

    [[nodiscard]] double left() const noexcept { return left_; }
    [[nodiscard]] bool logarithmic() const noexcept { return logarithmic_; }

    [[nodiscard]] double place(double figure) const {
        const double share =
            logarithmic_ ? std::log(std::max(figure, least_) / least_) / std::log(most_ / least_) : figure / most_;
        return left_ + std::clamp(share, 0.0, 1.0) * (width - value_width - left_);
    }

    [[nodiscard]] std::vector<double> ticks() const {
        std::vector<double> result;
        if (logarithmic_) {
            const double decades = std::ceil(std::log10(most_ / least_));
            const double step = std::pow(10, std::ceil(decades / 6));
            for (double tick = least_; tick <= most_; tick *= step) {
                result.push_back(tick);
            }
            return result;
        }
        const double power = std::pow(10, std::floor(std::log10(most_)));
        const double first = most_ / power;
        const double step = power * (first < 2 ? 0.5 : first < 5 ? 1 : 2);
        for (double tick = 0; tick <= most_; tick += step) {
            result.push_back(tick);
        }
        return result;
    }

private:
    double left_;
    double least_ = 0;
    double most_ = 0;
    bool logarithmic_ = false;
};

std::string tick_text(double tick, std::string_view unit) {
    const scaled_unit scaled = unit_for(unit, tick);
    return fmt::format("{:g} {}", tick / scaled.factor, scaled.name);
}

void draw_axis(std::string& svg, const axis& shown, std::string_view unit, double top, double bottom) {
    for (const double tick : shown.ticks()) {
        const double x = shown.place(tick);
        svg += fmt::format(R"(<path class="grid" d="M{0:.1f} {1:.1f}V{2:.1f}"/>)"
                           R"(<text class="axis" x="{0:.1f}" y="{3:.1f}" text-anchor="middle">{4}</text>)"
                           "\n",
                           x, top, bottom, bottom + 13, tick_text(tick, unit));
    }
}

void draw_bar(std::string& svg, const axis& scale, const bar& one, std::string_view unit, double top) {
    const double middle = top + line_height / 2;
    const double base = middle + 4; // of the letters
    const double end = scale.place(one.value.median);
    const double least = scale.place(one.value.least);
    const double most = scale.place(one.value.most);
    const std::string_view strong = one.emphasised ? R"( class="strong")" : "";
    svg += fmt::format(R"(<text{} x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)", strong, scale.left() - 8, base,
                       escaped(one.label));
    svg += fmt::format(R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)",
                       one.emphasised ? "ours" : "bar", scale.left(), middle - bar_height / 2,
                       std::max(end - scale.left(), 1.0), bar_height);
    svg += fmt::format(R"(<path class="range" d="M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v6M{1:.1f} {3:.1f}v6"/>)",
                       least, most, middle, middle - 3);
    if (one.mark) {
        svg += fmt::format(R"(<path class="mark" d="M{:.1f} {:.1f}v{:.1f}"/>)", scale.place(*one.mark), top + 1,
                           line_height - 2);
    }
    const double beside = std::max({end, most, one.mark ? scale.place(*one.mark) : 0.0}) + 8;
    svg += fmt::format(R"(<text{} x="{:.1f}" y="{:.1f}">{}</text>)"
                       "\n",
                       strong, beside, base, quantity_text(one.value.median, unit));
}

} // namespace

std::string bar_plot(const std::vector<panel>& panels) {
    const double label_width = label_width_of(panels);
    std::string body;
    double top = 4;
    for (const panel& shown : panels) {
        if (shown.bars.empty()) {
            continue;
        }
        const axis scale(shown, label_width);
        body += fmt::format(R"(<text class="title" x="8" y="{:.1f}">{}{}</text>)"
                            "\n",
                            top + 16, escaped(shown.title), scale.logarithmic() ? " (logarithmic)" : "");
        top += title_height;
        const double bottom = top + line_height * static_cast<double>(shown.bars.size());
        draw_axis(body, scale, shown.unit, top, bottom);
        for (const bar& one : shown.bars) {
            draw_bar(body, scale, one, shown.unit, top);
            top += line_height;
        }
        top = bottom + axis_height + panel_gap;
    }
    return fmt::format(
               R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}">)"
               "\n",
               width, top) +
           std::string(style) + body + "</svg>\n";
}

} // namespace moor::bench::report
