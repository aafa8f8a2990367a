#!/usr/bin/env bash
# Builds the peer, llama-server, and the tools that quantize a model and measure its perplexity. Builds from
# the pinned llama.cpp without Pagoda's patches, for this machine's CPU. Does nothing if the build is up to
# date.
#
#   bench/peers.sh            into build/peers, with all of this CPU's features; prints llama-server's path
#   bench/peers.sh avx2       into build/peers-avx2, without AVX512 and AVX-VNNI
#   bench/peers.sh avxvnni    into build/peers-avxvnni, without AVX512
set -euo pipefail
cd "$(dirname "$0")/.."

source=third_party/llama.cpp
set_name=${1:-}
build=build/peers${set_name:+-$set_name}
programs="llama-server llama-quantize llama-perplexity"
stamp_file=build/stamps/peers${set_name:+-$set_name}

# Without GGML_NATIVE, ggml uses AVX2, FMA, F16C and BMI2, plus the features given here.
case $set_name in
  "") kernels=(-DGGML_NATIVE=ON) ;;
  avx2) kernels=(-DGGML_NATIVE=OFF) ;;
  avxvnni) kernels=(-DGGML_NATIVE=OFF -DGGML_AVX_VNNI=ON) ;;
  *)
    echo "peers: unknown instruction set $set_name; known: avx2, avxvnni" >&2
    exit 2
    ;;
esac
if [ -n "$set_name" ]; then kernels+=(-DCMAKE_C_FLAGS=-mtune=native -DCMAKE_CXX_FLAGS=-mtune=native); fi

if [ ! -e "$source/CMakeLists.txt" ]; then
  echo "peers: $source is empty; run \`bun run setup\` first" >&2
  exit 1
fi
for tool in cmake c++ git; do
  command -v "$tool" >/dev/null || { echo "peers: $tool is missing" >&2; exit 1; }
done

commit=$(git -C "$source" rev-parse HEAD)
cpu=$(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo 2>/dev/null || uname -m)
stamp=$(printf '%s\n' "$commit" "$cpu" "$(c++ --version | head -n 1)" "$programs" "$(cat bench/peers.sh bench/peers-amx.cmake | cksum)" | cksum)
if [ -x "$build/bin/llama-server" ] && [ "$(cat "$stamp_file" 2>/dev/null)" = "$stamp" ]; then
  echo "peers: up to date ($build/bin/llama-server)" >&2
  exit 0
fi

# A build folder that was created at another path cannot be reused.
home=$(sed -n 's/^CMAKE_CACHEFILE_DIR:INTERNAL=//p' "$build/CMakeCache.txt" 2>/dev/null || true)
if [ -n "$home" ] && [ "$home" != "$PWD/$build" ]; then rm -rf "$build"; fi

options=(-DCMAKE_BUILD_TYPE=Release "${kernels[@]}" -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_TESTS=OFF
  -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
  -DLLAMA_OPENSSL=OFF "-DCMAKE_PROJECT_llama.cpp_INCLUDE=$PWD/bench/peers-amx.cmake")
command -v ninja >/dev/null && options+=(-G Ninja)
if command -v ccache >/dev/null; then
  options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DGGML_CCACHE=OFF)
fi

echo "peers: building $programs; the first build takes a few minutes (log: $build.log)" >&2
mkdir -p build/stamps
rm -f "$stamp_file"
{
  cmake -S "$source" -B "$build" "${options[@]}" &&
    cmake --build "$build" --config Release --parallel "${PEERS_JOBS:-$(getconf _NPROCESSORS_ONLN)}" --target $programs
} >"$build.log" 2>&1 || {
  echo "peers: the build failed; its last lines:" >&2
  tail -n 15 "$build.log" >&2
  exit 1
}
echo "$stamp" >"$stamp_file"
echo "peers: built ($build/bin/llama-server)" >&2
