package protocol

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Picture is an image of an answer, as the OpenAI API has it.
type Picture struct {
	Data    string `json:"b64_json"`
	Revised string `json:"revised_prompt,omitempty"` // the text that it was made of
}

// Pictures are an answer's. Reading them keeps at most one more than one request may ask for, so
// that a list of a million takes no memory.
type Pictures []Picture

// UnmarshalJSON leaves out what is beyond that, and all behind a null.
func (p *Pictures) UnmarshalJSON(b []byte) error {
	var few [MaxImagesAtOnce + 1]*Picture
	if err := json.Unmarshal(b, &few); err != nil {
		return err
	}
	for _, one := range few {
		if one == nil {
			break
		}
		*p = append(*p, *one)
	}
	return nil
}

// ReadReply reads an answer to a request for n images, 1 to n of which must be there, each as it
// was offered (SPEC §5.6). It reads no more than ReplyBytes(n).
func (i *Images) ReadReply(r io.Reader, n int) (list Pictures, created int64, err error) {
	most := i.ReplyBytes(n)
	raw, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, 0, err
	}
	if len(raw) > most {
		return nil, 0, fmt.Errorf("the images take more than %d bytes", most)
	}
	var said struct {
		Created int64    `json:"created"`
		Images  Pictures `json:"data"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, 0, fmt.Errorf("images: %w", err)
	}
	if len(said.Images) == 0 || len(said.Images) > n {
		return nil, 0, fmt.Errorf("%d images came, %d were asked for", len(said.Images), n)
	}
	for at := range said.Images {
		if err := said.Images[at].check(i); err != nil {
			return nil, 0, fmt.Errorf("image %d: %w", at, err)
		}
	}
	return said.Images, said.Created, nil
}

// check holds an image to what was offered.
func (p *Picture) check(offered *Images) error {
	n, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, strings.NewReader(p.Data)))
	switch {
	case err != nil:
		return err
	case n == 0 || n > int64(offered.Bytes):
		return fmt.Errorf("it has %d bytes, 1 to %d were offered", n, offered.Bytes)
	case len(p.Revised) > MaxImagePrompt:
		return errors.New("its text is too long")
	}
	return nil
}
