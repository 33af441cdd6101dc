// A sample's name, flags and facts, as text whatever they contain.

export function showFacts(root, content, card, meanings) {
  const find = (id) => root.querySelector(`#${id}`);
  find("sample-name").textContent = find("sample-name").title = card.name;
  find("sample-place").textContent = `${card.key} · ${card.split}`;
  find("sample-flags").replaceChildren(
    ...card.flags.map((flag) => element("li", { textContent: flag, title: meanings[flag] ?? "", className: "flag" })),
  );
  find("facts").replaceChildren(...content.facts.map(([name, text]) => {
    const row = element("div", {});
    row.append(element("dt", { textContent: name }), element("dd", { textContent: text }));
    return row;
  }));
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
