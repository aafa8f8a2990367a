// Sorts llama.cpp's architectures into groups. A test compares the names with those in the pinned version, so every architecture that a new
// pin adds must be assigned to a group.

#include "model/architectures.h"

#include "error-codes.h"

#include <sstream>

namespace pagoda {

namespace {

struct Group {
    const char * reason; // reason that the group is not supported; null = supported
    const char * names;
};

// Pagoda serves decoders that have one KV cache of plain keys and values and compute logits over the whole
// vocabulary.
const Group GROUPS[] = {
    { nullptr,
      "llama llama4 deci falcon grok gpt2 gptneox mpt baichuan starcoder refact bloom stablelm qwen qwen2 "
      "qwen2moe qwen2vl qwen3 qwen3moe qwen3vl qwen3vlmoe phi2 phi3 phimoe plamo plamo3 codeshell orion "
      "internlm2 minicpm minicpm3 gemma gemma2 gemma3 gemma3n gemma4 starcoder2 maple xverse command-r cohere2 "
      "cohere2moe dbrx olmo olmo2 olmoe muse-glimmer openelm arctic deepseek deepseek2 deepseek2-ocr chatglm "
      "glm4 glm4moe bitnet jais jais2 nemotron exaone exaone4 exaone-moe granite granitemoe graniteswitch "
      "granite_swa chameleon plm bailingmoe bailingmoe2 dots1 arcee afmoe laguna ernie4_5 ernie4_5-moe "
      "hunyuan-moe hunyuan-dense hunyuan_vl hy_v3 smollm3 gpt-oss smallthinker seed_oss grovemoe apertus "
      "hrm_text minimax-m2 cogvlm pangu-embedded mistral3 mistral4 paddleocr mimo2 step35 spark2_5 maincoder "
      "talkie mellum nanbeige" },
    { "has recurrent layers, which are not supported yet",
      "qwen3next qwen35 qwen35moe qwen4exp plamo2 mamba mamba2 jamba falcon-h1 deepseek4 nemotron_h "
      "nemotron_h_moe rwkv6 rwkv6qwen2 rwkv7 arwkv7 granitehybrid bailingmoe3 lfm2 lfm2moe minimax-01 "
      "kimi-linear kimi-k3" },
    { "keeps an index alongside its KV cache, which is not supported yet",
      "deepseek32 glm-dsa dots3note hy_v4 minimax-m3" },
    { "produces embeddings, not text",
      "bert modern-bert nomic-bert nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert gemma-embedding "
      "llama-embed" },
    { "has an encoder, which is not supported yet",
      "t5 t5encoder" },
    { "generates text by diffusion, which is not supported yet",
      "dream llada llada-moe rnd1" },
    { "produces speech, not text",
      "wavtokenizer-dec qwen3tts pockettts" },
    { "is for draft models, which cannot run by themselves",
      "gemma4-assistant eagle3 dflash" },
    { "is an image encoder for another model",
      "clip" },
    { "is listed in llama.cpp but not implemented",
      "gptj" },
};

bool has_name(const Group & group, const std::string & architecture) {
    std::istringstream names(group.names);
    std::string        name;
    while (names >> name) {
        if (name == architecture) {
            return true;
        }
    }
    return false;
}

} // namespace

void check_architecture(const std::string & architecture) {
    for (const Group & group : GROUPS) {
        if (!has_name(group, architecture)) {
            continue;
        }
        if (group.reason) {
            throw Error("model_unsupported", "architecture " + architecture + " " + group.reason);
        }
        return;
    }
    throw Error("model_unsupported", "architecture " + architecture + " is unknown to this version of llama.cpp");
}

} // namespace pagoda
