// Products with strips compared with sums in double precision, for every number of rows and strips per call; a row's
// result must be bitwise the same in all of them. Also checks the conversion to f16: zeros, tiny and huge values, and
// chunks. Prints the kernels' name with "ok", or each error. Built with sanitizers by
// test/native/adapter-kernels.test.ts.

#include "adapters/strip-matrix.h"
#include "adapters/strips.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace pagoda;

namespace {

int n_faults = 0;

void expect(bool holds, const std::string & what) {
    if (!holds && ++n_faults <= 20) {
        std::printf("FAULT %s\n", what.c_str());
    }
}

std::mt19937 rng(7);

std::vector<float> normal(size_t n, float deviation = 1) {
    std::normal_distribution<float> values(0, deviation);
    std::vector<float> all(n);
    for (float & value : all) {
        value = values(rng);
    }
    return all;
}

struct Case {
    StripShape            shape;
    std::vector<float>    values; // [n_out, n_in]
    float                 factor;
    std::vector<uint16_t> strips;

    Case(const StripShape & shape, std::vector<float> of) : shape(shape), values(std::move(of)), factor(f16_factor(values.data(), values.size())) {
        strips.resize(shape.size());
        write_strips(shape, values.data(), factor, strips.data());
    }

    std::string name() const {
        return std::to_string(shape.n_in) + " x " + std::to_string(shape.n_out) + " in " + std::to_string(shape.n_chunks);
    }
};

// Computes some rows by walking all strips panel by panel, as the op does.
std::vector<float> product(const Case & c, const std::vector<float> & x, int n_rows, int first_row, int strips_per_call, bool adds) {
    const int width = c.shape.n_strips() * STRIP_OUTPUTS;
    std::vector<float> out(n_rows * width, 0.0f);
    for (int strip = 0; strip < c.shape.n_strips();) {
        const int chunk = strip % c.shape.n_chunks;
        const int n     = std::min({ strips_per_call, c.shape.n_chunks - chunk, c.shape.group(strip) - strip % GROUP_STRIPS });
        const float * from[MAX_STRIP_ROWS];
        float *       to[MAX_STRIP_ROWS];
        for (int row = 0; row < n_rows; ++row) {
            from[row] = x.data() + (size_t) (first_row + row) * c.shape.n_in + chunk * c.shape.chunk();
            to[row]   = out.data() + row * width + strip * STRIP_OUTPUTS;
        }
        const StripCall call = { c.strips.data() + c.shape.place(strip), c.shape.group(strip) * STRIP_OUTPUTS, n, c.shape.chunk(),
                                 from, c.shape.chunk(), to, n_rows };
        (adds ? strip_kernels().add : strip_kernels().set)(call);
        strip += n;
    }
    return out;
}

void check_values(const Case & c, const std::vector<float> & x, const std::vector<float> & out) {
    for (int o = 0; o < c.shape.n_panels() * STRIP_OUTPUTS; ++o) {
        double total = 0, sum = 0, size = 1e-30;
        for (int chunk = 0; chunk < c.shape.n_chunks; ++chunk) {
            const int strip = o / STRIP_OUTPUTS * c.shape.n_chunks + chunk;
            total += (double) out[strip * STRIP_OUTPUTS + o % STRIP_OUTPUTS] / c.factor;
        }
        for (int i = 0; o < c.shape.n_out && i < c.shape.n_in; ++i) {
            const double term = (double) c.values[(size_t) o * c.shape.n_in + i] * x[i];
            sum += term;
            size += std::fabs(term);
        }
        expect(std::fabs(total - sum) <= size * 6e-4, c.name() + ": output " + std::to_string(o));
    }
}

void check_case(const Case & c) {
    const std::vector<float> x = normal((size_t) MAX_STRIP_ROWS * c.shape.n_in);
    const size_t width = c.shape.n_strips() * STRIP_OUTPUTS;
    std::vector<std::vector<float>> alone;
    for (int row = 0; row < MAX_STRIP_ROWS; ++row) {
        alone.push_back(product(c, x, 1, row, 1, false));
    }
    check_values(c, x, alone[0]);
    for (int n_rows = 1; n_rows <= MAX_STRIP_ROWS; ++n_rows) {
        for (int strips = 1; strips <= c.shape.n_chunks; ++strips) {
            for (bool adds : { false, true }) {
                const std::vector<float> together = product(c, x, n_rows, 0, strips, adds);
                for (int row = 0; row < n_rows; ++row) {
                    expect(std::memcmp(together.data() + row * width, alone[row].data(), width * sizeof(float)) == 0,
                           c.name() + ": row " + std::to_string(row) + " of " + std::to_string(n_rows) + " differs");
                }
            }
        }
    }
}

// Groups of a matrix with one chunk, whose strips read the same inputs.
void check_groups(int n_in, int n_out) {
    const Case c(whole_shape(n_in, n_out), normal((size_t) n_in * n_out));
    const std::vector<float> x = normal(n_in), alone = product(c, x, 1, 0, 1, false);
    std::vector<float> out(alone.size(), 0.0f);
    const float * from[] = { x.data() };
    for (int strip = 0; strip < c.shape.n_strips(); strip += GROUP_STRIPS) {
        float * to[] = { out.data() + strip * STRIP_OUTPUTS };
        const int n = c.shape.group(strip);
        strip_kernels().set({ c.strips.data() + c.shape.place(strip), n * STRIP_OUTPUTS, n, n_in, from, 0, to, 1 });
    }
    expect(out == alone, c.name() + ": strips together differ");
}

} // namespace

int main() {
    for (const auto & [n_in, n_out] : { std::pair{ 576, 16 }, { 64, 8 }, { 36, 64 }, { 7, 3 }, { 1, 1 }, { 1536, 40 }, { 130, 200 } }) {
        check_case(Case(chunked_shape(n_in, n_out), normal((size_t) n_in * n_out)));
        check_case(Case(whole_shape(n_in, n_out), normal((size_t) n_in * n_out, 0.02f)));
        check_groups(n_in, n_out);
    }
    for (float size : { 0.0f, 1e-40f, 1e-20f, 6e-8f, 1.0f, 65504.0f, 1e30f, 3e38f }) {
        std::vector<float> values(32 * 8);
        for (size_t i = 0; i < values.size(); ++i) {
            values[i] = size * (i % 3 ? 0.5f : -1.0f);
        }
        check_case(Case(whole_shape(32, 8), values));
    }
    expect(chunked_shape(576, 16).n_chunks == 8 && chunked_shape(36, 16).n_chunks == 4, "chunks divide the inputs");
    expect(chunked_shape(576, 40).n_strips() <= CHUNKED_STRIPS && most_chunked_results(40) == 128, "few strips");
    expect(most_chunked_results(200) == 13 * STRIP_OUTPUTS, "many strips");
    if (n_faults == 0) {
        std::printf("%s ok\n", strip_kernels().name);
    }
    return n_faults > 0;
}
