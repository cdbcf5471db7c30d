package main

import (
	"context"
	"net/http"
	"net/http/httptest"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rerig/rerig/client"
)

// store serves the script's directory at $WEB, and an S3 with the bucket "scans" at the
// endpoint that the script's environment names, for the rest of the script.
func store(ts *testscript.TestScript, _ bool, _ []string) {
	backend := s3mem.New()
	ts.Check(backend.CreateBucket("scans"))
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	web := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs("."))))
	ts.Defer(s3.Close)
	ts.Defer(web.Close)
	ts.Setenv("WEB", web.URL)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_S3": s3.URL, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"} {
		ts.Setenv(name, value)
	}
}

// outputs DIR puts the CID of the outputs of the run $ID into $CID.
func outputs(ts *testscript.TestScript, _ bool, args []string) {
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		st, err := c.Run(ctx, ts.Getenv("ID"))
		if err == nil {
			ts.Setenv("CID", st.Outputs)
		}
		return err == nil, err
	})
}

// groupID DIR NAME puts the ID of an array or a gang into $GROUP.
func groupID(ts *testscript.TestScript, _ bool, args []string) {
	on(ts, args[0], func(ctx context.Context, c *client.Client) (bool, error) {
		list, err := c.Groups(ctx)
		for _, g := range list {
			if g.Name == args[1] {
				ts.Setenv("GROUP", g.ID.String())
				return true, nil
			}
		}
		return false, err
	})
}
