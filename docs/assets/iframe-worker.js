// A browser starts no worker for a page that was opened from a disk; there the search runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.appendChild(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => this.hand(data, () => this.onmessage);
      const script = inside.document.createElement("script");
      script.src = url;
      script.onload = () => this.waiting.splice(0).forEach((data) => this.postMessage(data));
      script.onerror = (event) => this.onerror?.(event);
      inside.document.body.appendChild(script);
    }
    postMessage(data) {
      const inside = this.frame.contentWindow;
      if (!inside?.onmessage) this.waiting.push(data);
      else this.hand(data, () => inside.onmessage);
    }
    hand(data, to) {
      const copy = structuredClone(data); // as a worker gets it: nothing is shared
      setTimeout(() => to()?.({ data: copy }));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
