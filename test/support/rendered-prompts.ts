// The prompts that an engine renders from chats.

import type { FakeModelRunner } from "./fake-model-runner.ts";

/** @returns the prompts that are rendered from now on */
export function promptsOf({ tokenizer }: FakeModelRunner): readonly string[] {
  const prompts: string[] = [];
  const render = tokenizer.renderChat.bind(tokenizer);
  tokenizer.renderChat = async (request) => {
    const prompt = await render(request);
    prompts.push(prompt);
    return prompt;
  };
  return prompts;
}
