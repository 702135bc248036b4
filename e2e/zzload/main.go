package main
import ("fmt";"os";"time";"os/exec";"net/http";"crypto/tls";"bytes";"sync";"io"
"github.com/caseharden/caseharden/e2e/bench/reviews")
func main(){
 kinds,_:=reviews.Kinds("")
 cmd:=exec.Command(os.Args[1],"serve","--addr=127.0.0.1:19443","--metrics-addr=127.0.0.1:19080","--ca-file=/tmp/zzca","--log-format=json","--shutdown-delay=0s")
 cmd.Env=append(os.Environ(),"ZZPROF="+os.Args[3]); l,_:=os.Create("/tmp/zz.log"); cmd.Stderr=l
 if err:=cmd.Start();err!=nil{panic(err)}
 defer cmd.Process.Kill()
 time.Sleep(500*time.Millisecond)
 end:=time.Now().Add(12*time.Second)
 var wg sync.WaitGroup
 for _,k:=range kinds { if k.Name==os.Args[2] { for range 8 { wg.Go(func(){
   c:=&http.Client{Transport:&http.Transport{TLSClientConfig:&tls.Config{InsecureSkipVerify:true},ForceAttemptHTTP2:true}}
   n:=0
   for time.Now().Before(end){ r,err:=c.Post("https://127.0.0.1:19443/enforce/hardened","application/json",bytes.NewReader(k.Bodies[0])); if err!=nil{panic(err)}; io.Copy(io.Discard,r.Body); r.Body.Close(); n++ }
   fmt.Println(n)
 })}}}
 wg.Wait()
}
