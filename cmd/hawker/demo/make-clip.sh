#!/bin/sh
# Makes clip.flv, the loop that the demo publishes: a stall of a night market, 540x960, 30 pictures a second, 16 s.
# Needs ffmpeg with libx264 and the DejaVu fonts. The result is committed, so that the demo needs neither.
#
# 16 s are 480 pictures, 8 key pictures and 750 AAC frames exactly, so that the loop has no seam in either track.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
W=540 H=960 RATE=30 SECONDS_=16
FRAMES=$((RATE * SECONDS_))
FONT=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf}
SERIF=${SERIF:-/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf}
run() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# ---- the still: dusk, lights far away, a table, a glazed jar, two mandarins, a cup. All of it is arithmetic: a shape
# is clip(0.5 + distance inside its edge, 0, 1), a glow is exp(-distance^2/width^2).
ell='(1-hypot((X-%s)/%s\,(Y-%s)/%s))*%s' # distance inside an ellipse at x, rx, y, ry; times the smaller radius
inside() { printf "clip(0.5+$ell\,0\,1)" "$1" "$2" "$3" "$4" "$5"; }
glow() { printf 'exp(-((X-%s)*(X-%s)+(Y-%s)*(Y-%s))/%s)' "$1" "$1" "$2" "$2" "$3"; }
body=$(inside 250 118 640 128 118)
neck="clip(min(min(X-206\,294-X)\,min(Y-478\,545-Y))+0.5\,0\,1)"
lip=$(inside 250 56 482 15 15)
hole=$(inside 250 44 480 9 9)
band="$body*clip(9.5-abs(Y-(628+26*sqrt(max(0\,1-pow((X-250)/118\,2)))))\,0\,1)"
dots="$body*clip(5.5-hypot(mod(X-250+14\,28)-14\,Y-(665+24*sqrt(max(0\,1-pow((X-250)/118\,2)))))\,0\,1)"
fruit1=$(inside 402 46 716 44 44)
fruit2=$(inside 466 39 726 37 37)
cup="clip(min(min((X-72)-(Y-670)*0.14\,(150-X)-(Y-670)*0.14)\,min(Y-672\,752-Y))+0.5\,0\,1)"
tea=$(inside 111 39 672 9 9)
shadow="0.55*exp(-pow((X-270)/250\,2)-pow((Y-765)/26\,2))"
light="(0.30+0.95*exp(-(pow((X-205)/95\,2)+pow((Y-590)/120\,2))))" # on the jar
shine="$body*0.8*exp(-(pow((X-200)/16\,2)+pow((Y-580)/38\,2)))"
layer() { # table and sky of one channel: top, middle, glow, wood
  printf 'st(0\,%s*(1-Y/700)+%s*(Y/700)+%s*%s+%s*%s);' "$1" "$2" "$3" "$(glow 290 560 46000)" "$3" "$(glow 90 300 26000)"
  printf 'st(1\,(%s+0.6*%s*exp(-pow((X-280)/190\,2)))*(1.15-(Y-700)/420)*(0.93+0.07*sin(Y*0.9+3*sin(X/70)+X/23)));' "$4" "$3"
  printf 'st(2\,if(lt(Y\,700)\,ld(0)\,ld(1))*(1-%s));' "$shadow"
}
over() { printf 'st(2\,ld(2)*(1-%s)+%s*%s);' "$1" "$1" "$2"; }
draw() { # channel: jar, cream, orange, tea, cup
  printf '%s' "$(over "$neck" "$1*(0.5+0.5*exp(-pow((X-225)/40\,2)))")"
  printf '%s' "$(over "$body" "$1*$light")$(over "$band" "$2*(0.35+0.65*$light)")$(over "$dots" "$2*(0.3+0.6*$light)")"
  printf '%s' "$(over "$lip" "$2")$(over "$hole" "12")"
  printf '%s' "$(over "$cup" "$5*(0.45+0.6*exp(-pow((X-98)/26\,2)))")$(over "$tea" "$4")"
  printf '%s' "$(over "$fruit2" "$3*(0.4+0.7*exp(-(pow((X-452)/28\,2)+pow((Y-710)/26\,2))))")"
  printf '%s' "$(over "$fruit1" "$3*(0.42+0.75*exp(-(pow((X-386)/32\,2)+pow((Y-700)/30\,2))))")"
  printf 'clip(ld(2)+210*%s\,0\,255)' "$shine"
}
red="$(layer 22 92 150 84)$(draw 34 246 250 196 214)"
green="$(layer 14 38 84 46)$(draw 128 226 132 92 152)"
blue="$(layer 44 62 26 30)$(draw 122 190 24 26 130)"
run -f lavfi -i "color=black:s=${W}x${H}:r=1:d=1,format=rgb24,geq=r='$red':g='$green':b='$blue'" -frames:v 1 "$work/still.png"

# ---- lights: soft discs for what is far away, paper lanterns for what is near.
disc() { # file, size, red, green, blue, strength
  run -f lavfi -i "color=black@0:s=$2x$2:r=1:d=1,format=rgba,geq=r=$3:g=$4:b=$5:a='$6*clip((W/2-2-hypot(X-W/2\,Y-H/2))/7\,0\,1)*(0.72+0.28*clip(hypot(X-W/2\,Y-H/2)/(W/2-9)\,0\,1))'" -frames:v 1 "$work/$1.png"
}
disc amber 92 255 176 74 120
disc rose 70 255 104 110 100
disc teal 58 74 190 182 86
disc small 40 255 214 140 130
lantern() { # file, size: a lit globe with ribs, in a halo
  run -f lavfi -i "color=black@0:s=$2x$2:r=1:d=1,format=rgba,geq=r='255':g='st(0\,hypot((X-W/2)/(W*0.24)\,(Y-H/2)/(H*0.28)));clip(196-90*ld(0)*ld(0)\,70\,255)':b='st(0\,hypot((X-W/2)/(W*0.24)\,(Y-H/2)/(H*0.28)));clip(112-90*ld(0)\,24\,255)':a='st(0\,hypot((X-W/2)/(W*0.24)\,(Y-H/2)/(H*0.28)));255*max(clip((1-ld(0))*W*0.24+0.5\,0\,1)*(0.88+0.12*cos((Y-H/2)*2*PI*11/H))\,0.5*exp(-pow(max(0\,ld(0)-0.85)/0.42\,2)))'" -frames:v 1 "$work/$1.png"
}
lantern near 220
lantern far 150

# ---- the sound: plucked notes over a soft fifth, everything periodic in the loop.
melody=$(awk -v n="$SECONDS_" 'BEGIN {
  split("392 493.88 587.33 659.25 587.33 493.88 440 392 329.63 392 493.88 587.33 783.99 659.25 587.33 493.88 440 523.25 659.25 783.99 880 783.99 659.25 523.25 392 493.88 587.33 783.99 659.25 587.33 493.88 440", f, " ")
  for (i = 1; i <= 32; i++) {
    t = (i - 1) * n / 32
    pan = (i % 2) ? "l" : "r"
    note = sprintf("st(0,mod(t-%.3f+%d,%d))*0+0.22*exp(-3.2*ld(0))*min(1,ld(0)*220)*(sin(2*PI*%.2f*ld(0))+0.28*sin(4*PI*%.2f*ld(0))*exp(-4*ld(0)))", t, n, n, f[i], f[i])
    l = l "+" ((pan == "l") ? "1" : "0.45") "*(" note ")"
    r = r "+" ((pan == "r") ? "1" : "0.45") "*(" note ")"
  }
  pad = "(0.050*sin(2*PI*98*t)+0.036*sin(2*PI*147*t)+0.016*sin(2*PI*196*t))*(1+0.3*sin(2*PI*t/4))"
  printf "%s%s|%s%s", pad, l, pad, r }')
# Three rounds are coded and the middle one is kept: its frames continue one another across the seam.
printf "aevalsrc='%s':s=48000:c=stereo:d=%d" "$melody" $((3 * SECONDS_)) >"$work/melody.txt"
run -filter_complex_script "$work/melody.txt" -c:a aac -b:a 96k "$work/rounds.m4a"
run -ss $SECONDS_ -i "$work/rounds.m4a" -t $SECONDS_ -c copy "$work/round.m4a"

# ---- the strip: over the full width at the very top, H/24 high, 20 equal cells: white, black, 16 bits of the
# picture's number within the loop (first the highest; white is 1), an odd parity bit, white.
cell=$((W / 20)) high=$((H / 24))
strip="drawbox=x=0:y=0:w=$W:h=$high:color=black:t=fill"
strip="$strip,drawbox=x=0:y=0:w=$cell:h=$high:color=white:t=fill,drawbox=x=$((19 * cell)):y=0:w=$cell:h=$high:color=white:t=fill"
ones=0
for bit in 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0; do
  one="mod(floor(n/$((1 << bit)))\,2)"
  strip="$strip,drawbox=x=$(((17 - bit) * cell)):y=0:w=$cell:h=$high:color=white:t=fill:enable='$one'"
  ones="$ones+$one"
done
strip="$strip,drawbox=x=$((18 * cell)):y=0:w=$cell:h=$high:color=white:t=fill:enable='not(mod($ones\,2))'"

# ---- the picture in motion. Every movement has a period that divides the loop.
T="2*PI*t/$SECONDS_"
run -loop 1 -r $RATE -i "$work/still.png" -loop 1 -r $RATE -i "$work/amber.png" -loop 1 -r $RATE -i "$work/rose.png" \
  -loop 1 -r $RATE -i "$work/teal.png" -loop 1 -r $RATE -i "$work/small.png" -loop 1 -r $RATE -i "$work/near.png" \
  -loop 1 -r $RATE -i "$work/far.png" -filter_complex "
  [1]split=3[a1][a2][a3];[2]split=2[r1][r2];[3]split=2[t1][t2];[4]split=3[s1][s2][s3];[5]split=2[n1][n2];[6]split=2[f1][f2];
  [0][a1]overlay=x='36+16*sin($T)':y='372+10*cos($T)'[b1];
  [b1][r1]overlay=x='402+14*cos($T)':y='398+12*sin(2*$T)'[b2];
  [b2][t1]overlay=x='328+18*sin($T+2)':y='330+9*cos($T)'[b3];
  [b3][s1]overlay=x='160+12*cos($T+1)':y='432+14*sin($T)'[b4];
  [b4][a2]overlay=x='430+12*sin($T+4)':y='500+12*cos($T+1)'[b5];
  [b5][t2]overlay=x='20+12*cos($T+3)':y='520+10*sin($T+2)'[b6];
  [b6][s2]overlay=x='478+9*sin(2*$T)':y='346+8*cos($T)'[b7];
  [b7][r2]overlay=x='-18+10*sin($T)':y='440+14*cos($T+2)'[b8];
  [b8][s3]overlay=x='372+10*cos($T)':y='470+12*sin($T+1)'[b9];
  [b9][a3]overlay=x='236+9*sin($T+1)':y='372+8*cos(2*$T)'[b10];
  [b10][f1]overlay=x='8+7*sin(2*$T)':y='190+2*cos(4*$T)'[c1];
  [c1][f2]overlay=x='206+6*sin(2*$T+2)':y='224+2*cos(4*$T+2)'[c2];
  [c2][n1]overlay=x='366+9*sin(2*$T+1)':y='170+3*cos(4*$T+1)'[c3];
  [n2]nullsink;
  [c3]vignette=angle=PI/7,noise=alls=2:allf=t,drawtext=fontfile=$SERIF:text='night market':fontsize=30:fontcolor=0xffe3b3@0.85:x=(w-tw)/2:y=170,
  drawtext=fontfile=$FONT:text='%{eif\\:n\\:d\\:4}':fontsize=104:fontcolor=0xfff1d6:borderw=3:bordercolor=0x2a1020@0.8:x=(w-tw)/2:y=58,
  $strip,format=yuv420p[v]" \
  -map '[v]' -frames:v $FRAMES -c:v libx264 -profile:v main -preset slow -crf 19 -maxrate 1200k -bufsize 2400k -bf 0 \
  -g $((2 * RATE)) -keyint_min $((2 * RATE)) -sc_threshold 0 -x264-params open-gop=0 -color_range tv "$work/clip.mp4"
run -i "$work/clip.mp4" -i "$work/round.m4a" -map 0:v -map 1:a -c copy -f flv "$work/clip.flv"
mv "$work/clip.flv" clip.flv
ls -l clip.flv
